/* fault.h - why a token lets nobody in, in the words that its bearer hears.
 *
 * Before a signature is checked there are two answers only, so that nobody learns
 * from us which issuers, keys or algorithms there are; UNPROVED says what REFUSED does, and not
 * when (the producer's access/unproved.h). Who holds a token that was truly signed is told what is
 * wrong with it.
 *
 * Threads: pure.  Memory: static. */
#ifndef IDENTITY_FAULT_H
#define IDENTITY_FAULT_H

#include "ground/err.h"

/* The words go into a header: at most 44 characters, no quotes. */
#define FAULTS(X)                                             \
	X(NONE, "")                                           \
	X(MALFORMED, "the token is malformed")                \
	X(REFUSED, "the token is not accepted here")          \
	/* it names an issuer of others, which may be none */ \
	X(UNPROVED, "the token is not accepted here")         \
	/* behind a good signature */                         \
	X(CLAIM, "a claim of ours is missing or wrong")       \
	X(SUB, "sub must be a text of 1 to 255 bytes")        \
	X(JTI, "jti must be a text of 1 to 255 bytes")        \
	X(TENANT, "tenant is missing or not the issuer's")    \
	X(AUD, "aud must be a text, or at most 16 of them")   \
	X(EXP, "exp is missing or no number of seconds")      \
	X(IAT, "iat is missing or no number of seconds")      \
	X(NBF, "nbf is no number of seconds")                 \
	X(LIFE, "exp must lie within a day behind iat")       \
	X(SCOPE, "scope must be one text")                    \
	X(WORDS, "more than 64 roles or scopes")              \
	X(EXPIRED, "the token has expired")                   \
	X(EARLY, "the token is not valid yet")                \
	X(AUDIENCE, "the token is for another audience")      \
	X(PURPOSE, "this is not an access token")             \
	X(REVOKED, "the token or its owner was revoked")      \
	X(NOMEM, "out of memory")

#define FAULT_NAME(name, text) FAULT_##name,
enum fault { FAULTS(FAULT_NAME) FAULT_COUNT_ };
#undef FAULT_NAME

const char *fault_text(enum fault fault);

#endif
