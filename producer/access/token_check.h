/* token_check.h - from the text of a token to a caller.
 *
 * Ours are checked with our keys, those of an issuer with its keys (issuer_keys.h), and
 * nobody else's exist. What is claimed by an issuer counts for the tenant that registered
 * it and nowhere else: another tenant in the token is a refusal, roles go through
 * that tenant's map. A revocation takes its tokens for CLAIMS_LEEWAY_S older than their iat says:
 * so none that was let in before it outlives it, nor does what was had by one.
 *
 * Threads: any; nothing waits here.  Memory: the caller's, to be cleared. */
#ifndef ACCESS_TOKEN_CHECK_H
#define ACCESS_TOKEN_CHECK_H

#include "access/authority.h"

/* Fills all but facts and address. On FAULT_NOMEM nobody can tell. *ret_issuer: of a good token the
 * issuer, zero for ours; with FAULT_UNPROVED the one that may have made the key since we looked,
 * zero when there is none. */
MUST_CHECK enum fault token_check(struct producer *producer, const char *text, size_t len,
	struct caller *ret_caller, struct id *ret_issuer);

#endif
