/* issuer.h - who else may say who somebody is: issuers of tokens, each of one tenant.
 *
 * The tenant of a token is the one that registered its issuer, whatever the token
 * claims. Names of roles are those of the issuer, mapped to names of the tenant's;
 * what is not in the map is nothing. Every change moves the access sequence.
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it. */
#ifndef STORES_ISSUER_H
#define STORES_ISSUER_H

#include "domain/sealed.h"
#include "ports/db.h"
#include "stores/audit.h"

enum { ISSUER_TEXT_MAX = 255, ISSUER_URL_MAX = 2000, ISSUERS_MAX = 10000, ISSUERS_OWN_MAX = 20 };

struct issuer {
	struct id id, tenant;
	const char *tenant_name; /* filled when read */
	const char *iss, *audience;
	unsigned algorithms;	/* a bit each (identity/jwk.h) */
	const char *jwks_url;	/* "": it has a shared secret */
	const char *kid;	/* the secret's */
	struct db_bytes secret; /* sealed by the installation's own key; NULL bytes: none */
	struct sealed_key own;	/* issuer_list_all alone: that key */
	const char *roles_claim;
	const char *roles; /* JSON object: what theirs are called here */
	int64_t created_ms;
};
typedef void issuer_done(void *ctx, enum err e, const struct issuer *issuers, size_t n);

/* ERR_CONFLICT: somebody has this iss already, or there are ISSUERS_MAX, or most of its tenant,
 * however many are registered at once. ERR_UNAUTHORIZED: by is believed no longer (believed.h). */
MUST_CHECK enum err issuer_insert(struct db *db, const struct issuer *issuer, int64_t most,
	const struct audit_actor *by, issuer_done *done, void *ctx);
/* Of all tenants. */
MUST_CHECK enum err issuer_list_all(struct db *db, issuer_done *done, void *ctx);
/* Of one. */
MUST_CHECK enum err issuer_list(struct db *db, struct id tenant, issuer_done *done, void *ctx);
/* By its id. ERR_NOT_FOUND: it is not of's; of AUDIT_SYSTEM_TENANT, as operators ask: not there. */
MUST_CHECK enum err issuer_get(
	struct db *db, struct id of, struct id issuer, issuer_done *done, void *ctx);
/* The same by its iss, to the letter. */
MUST_CHECK enum err issuer_find(
	struct db *db, struct id of, const char *iss, issuer_done *done, void *ctx);
/* By its id, as issuer_get. n = 1: what it was; its audit row is of's. Its tokens are refused from
 * the next look on. ERR_UNAUTHORIZED: by is believed no longer (believed.h). */
MUST_CHECK enum err issuer_remove(struct db *db, struct id of, struct id issuer,
	const struct audit_actor *by, issuer_done *done, void *ctx);

#endif
