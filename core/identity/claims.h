/* claims.h - the inside of a token: who, from whom, for whom, until when (RFC 7519).
 *
 * iss, sub, aud, exp, iat, jti and tenant must be there, with the types that the
 * RFC gives them; strings are bounded, numbers are finite and not negative. Times
 * have 60 s of leeway and are compared with the record's clock, not the host's.
 *
 * Reading comes before the signature (the issuer must be known), judging after it.
 *
 * Threads: pure.  Memory: texts belong to the payload and live as long as it does. */
#ifndef IDENTITY_CLAIMS_H
#define IDENTITY_CLAIMS_H

#include "ground/id.h"
#include "identity/fault.h"
#include "ports/json.h"

enum {
	CLAIMS_LEEWAY_S = 60,
	CLAIMS_TEXT_MAX = 255,
	CLAIMS_AUDIENCES_MAX = 16,
	CLAIMS_LIFE_MAX_S = 86400 /* of a token, exp - iat */
};

struct claims {
	const char *iss, *sub, *jti, *tenant;
	const json_t *aud;
	int64_t exp_s, iat_s, nbf_s; /* nbf: 0 when absent */
	const char *scope;	     /* "" when absent; has_scope tells the two apart */
	bool has_scope;
	bool is_id_token; /* has a claim that only OpenID Connect's ID tokens have */
};

/* The fault of the first that is missing or of a wrong type. iss is set whenever it is a text, also
 * then; NULL otherwise. */
MUST_CHECK enum fault claims_read(const json_t *payload, struct claims *ret_claims);

/* At the record's now: audience (as the one text or among at most 16), time, purpose. */
MUST_CHECK enum fault claims_judge(
	const struct claims *claims, const char *audience, int64_t now_s);

/* Splits a scope claim (RFC 6749, 3.3) or the like: calls fn for each word, in order. */
void claims_words(const char *text, void (*fn)(void *ctx, const char *word, size_t len), void *ctx);

/* A name for what an issuer calls by a text of its own: the first half of an HMAC of (what,
 * issuer, text) under a fixed key, marked as UUIDv8 (RFC 9562, 5.8). what: "sub" or "jti". */
struct id claims_id(const char *what, struct id issuer, const char *text);

#endif
