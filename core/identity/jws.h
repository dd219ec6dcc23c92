/* jws.h - the outside of a token: three parts, their spelling, and what the header claims.
 *
 * Only the compact form (RFC 7515, 7.1): at most 8 KiB, exactly two dots, each part
 * base64url without padding, blanks or stray bits; header and payload JSON objects
 * without duplicate members or NUL. Of the header three members are read: alg, kid, typ.
 * A key that a header carries or names (jwk, jku, x5u, x5c) is never looked at,
 * let alone fetched. crit and b64 ask for extensions, of which there are none here.
 *
 * Nothing of this is proof. The payload is read before the signature is checked
 * because it names the issuer whose key is to be used; jwk.h checks, claims.h judges.
 *
 * Threads: pure.  Memory: the payload is the reader's until jws_clear; signed points into
 * the text that was read. */
#ifndef IDENTITY_JWS_H
#define IDENTITY_JWS_H

#include "identity/fault.h"
#include "ports/json.h"

enum { JWS_BYTES_MAX = 8192, JWS_KID_MAX = 128, JWS_SIGNATURE_MAX = 1024, JWS_DEPTH_MAX = 8 };

/* The algorithms of RFC 7518 and RFC 8037 that there are here, by their only spelling. */
#define JWS_ALGS(X)       \
	X(EDDSA, "EdDSA") \
	X(ES256, "ES256") \
	X(RS256, "RS256") \
	X(PS256, "PS256") \
	X(HS256, "HS256")
#define JWS_ALG_NAME(name, text) JWS_##name,
enum jws_alg { JWS_ALGS(JWS_ALG_NAME) JWS_ALG_COUNT_ };
#undef JWS_ALG_NAME

const char *jws_alg_text(enum jws_alg alg);
/* False when there is no such algorithm; case counts. */
bool jws_alg_parse(const char *text, enum jws_alg *ret_alg);

/* JSON Web Token, access token (RFC 9068), or none said; others are no tokens of ours to read. */
enum jws_type { JWS_TYPE_NONE, JWS_TYPE_JWT, JWS_TYPE_ACCESS };

struct jws {
	enum jws_alg alg;
	enum jws_type type;
	char kid[JWS_KID_MAX + 1]; /* "": none was said, and no key of ours has that name */
	const char *signed_text;
	size_t signed_len;
	uint8_t signature[JWS_SIGNATURE_MAX];
	size_t signature_len;
	json_t *payload; /* NULL until it was read */
};

/* Splits it and reads header and signature; the payload is only known to be there. FAULT_NONE,
 * FAULT_MALFORMED, FAULT_NOMEM, or FAULT_REFUSED for an algorithm, a type, a name of a key or an
 * extension that is none of ours. */
MUST_CHECK enum fault jws_read(const char *text, size_t len, struct jws *ret_jws);
/* Reads the payload, an object. FAULT_NONE, FAULT_MALFORMED, FAULT_NOMEM. */
MUST_CHECK enum fault jws_payload_read(struct jws *jws);
void jws_clear(struct jws *jws);

#endif
