/* refresh.h - refresh tokens: families of which only the newest token is good.
 *
 * Using a token and making the next one is one statement, so of two that use the
 * same one only one gets a next. A token that was used before comes from a thief or
 * from the one he stole it from, and nobody can tell which: the family ends, and its access
 * tokens are revoked. The tenant's audit has a row of either, all in that statement.
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it. */
#ifndef STORES_REFRESH_H
#define STORES_REFRESH_H

#include "ground/digest.h"
#include "ports/db.h"
#include "stores/audit.h"

struct refresh_family {
	struct id tenant, family;
	const char *principal; /* sub of its tokens */
	struct id key;	       /* the API key that it hangs on; zero: none */
	struct id issuer;      /* the issuer that vouched for it; zero: none */
	struct id source;      /* the token that it was exchanged for; zero: none */
	const char *scope;     /* NULL: not narrowed */
	const char *roles;     /* JSON array; "": none of its own */
	uint8_t address[16];
	int64_t life_s;	  /* given when it begins */
	int64_t since_ms; /* when that was given which it was had by */
	int64_t expires_ms;
};

/* What became of a token: OK, nobody knows it (or its family, key or issuer is gone), or it was
 * used before and its family has just ended. */
enum refresh_outcome { REFRESH_OK, REFRESH_UNKNOWN, REFRESH_REUSED };
/* family is NULL unless REFRESH_OK. */
typedef void refresh_done(
	void *ctx, enum err e, enum refresh_outcome outcome, const struct refresh_family *family);

/* A family with its first token. */
MUST_CHECK enum err refresh_begin(struct db *db, const struct refresh_family *family,
	const uint8_t hash[DIGEST_SIZE], const struct audit_actor *by, refresh_done *done,
	void *ctx);
/* Takes a token and makes next the good one. */
struct refresh_use {
	struct id tenant;
	struct audit_actor by; /* of a reuse, or an end */
	/* access tokens of a family that ends go on the list of revocations; else they run out by
	 * themselves */
	bool listed;
	uint8_t hash[DIGEST_SIZE];
	/* refresh_use alone: the next one, and the access token that is given with it */
	uint8_t next[DIGEST_SIZE];
	struct id access;
};
MUST_CHECK enum err refresh_use(
	struct db *db, const struct refresh_use *use, refresh_done *done, void *ctx);
/* Ends the family of a token, whether it was used or not, with its access tokens. REFRESH_UNKNOWN
 * when there is no such token, or it has ended. */
MUST_CHECK enum err refresh_end(
	struct db *db, const struct refresh_use *use, refresh_done *done, void *ctx);

#endif
