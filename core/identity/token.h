/* token.h - access tokens of our own: Ed25519, typ at+jwt (RFC 9068).
 *
 * What a token says of its bearer is in the token, so that any process can check it
 * without asking; what may end it early is the list of revocations (revocation.h).
 * Beside the claims that every token has (claims.h) ours carry:
 *
 *   scope, roles  absent: as much as the principal may
 *   key           the API key that it was given for, so that it dies with that key
 *   family        the family of refresh tokens that it belongs to
 *   from          the tokens that it was exchanged from, so that it dies with each of them
 *   via           the registered issuer of the first of them, so that it dies with that too
 *   at            the address that it was given to, 32 hex digits, IPv4 mapped
 *   since         when that was given which it was had by, the first of them, in ms
 *
 * Times come from the record's clock. jti is an id of ours, so it knows its
 * millisecond: revocations by time are exact for tokens of ours. They go by since, be it had
 * later: what is revoked may still be shown for some seconds where nobody has heard of it, and
 * must not live on in what it was exchanged for there.
 *
 * Threads: pure.  Memory: see each. */
#ifndef IDENTITY_TOKEN_H
#define IDENTITY_TOKEN_H

#include "ground/ed25519.h"
#include "ground/id.h"
#include "identity/claims.h"
#include "ports/json.h"

/* The prefixes of the ids in it. */
#define TOKEN_JTI    "tok"
#define TOKEN_FAMILY "fam"
#define TOKEN_KID    "sig"
#define TOKEN_VIA    "iss"

enum { TOKEN_SOURCES_MAX = 4 }; /* exchanged from, one from another */

struct token_key {
	struct id id; /* kid is its text */
	uint8_t public_key[ED25519_PUBLIC];
	uint8_t secret[ED25519_SECRET];
};

struct token_grant {
	const char *issuer, *audience;
	struct id jti, tenant;
	const char *sub;		      /* the principal: key_... or usr_... */
	const json_t *roles;		      /* array of texts, or NULL */
	const char *scope;		      /* NULL: not narrowed */
	struct id key, family, via;	      /* zero: none */
	struct id sources[TOKEN_SOURCES_MAX]; /* zero: no more */
	uint8_t address[16];
	int64_t since_ms; /* 0: now */
	int64_t issued_s, expires_s;
};

/* Appends the compact form. ERR_NOMEM, ERR_TOO_LARGE of out. */
MUST_CHECK enum err token_sign(
	const struct token_grant *grant, const struct token_key *key, struct buf *out);

/* What ours carry beside the claims of all. FAULT_CLAIM when one is there and wrong. */
struct token_extra {
	struct id jti, key, family, via;
	struct id sources[TOKEN_SOURCES_MAX]; /* zero: no more */
	const json_t *roles;		      /* array, or NULL; the payload's */
	bool has_address;
	uint8_t address[16];
	int64_t since_ms; /* as its jti says where it says nothing itself, and never behind that */
};
MUST_CHECK enum fault token_extra_read(const json_t *payload, struct token_extra *ret_extra);

/* {"kty":"OKP",...}: the public half, as a JWK Set shows it. */
enum err token_key_publish(const struct token_key *key, struct buf *out);

#endif
