/* caller.h - who is asking: a principal of a tenant, or an operator.
 *
 * A principal is a user, or an API key that acts for none: what jobs belong to and what
 * holds roles. The credential is what was shown: an API key, or a token that a key or
 * another issuer stands behind. Scopes narrow what the principal may; role names are
 * those that a token says its bearer has, beside what the record says.
 *
 * A tenant's facts (its match key, its callback origins, its class of retention)
 * are a shared, read-only object that the key cache hands out; a caller holds a
 * reference for the life of its request.
 *
 * Threads: the object may be read by any; the count is atomic. */
#ifndef ACCESS_CALLER_H
#define ACCESS_CALLER_H

#include "domain/rights.h"
#include "ground/err.h"
#include "ground/id.h"
#include "identity/token.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MATCH_KEY_BYTES = 32, ORIGINS_MAX = 64 };

struct tenant_facts {
	struct id id;
	unsigned retention; /* class for jobs that ask for none */
	uint8_t match_key[MATCH_KEY_BYTES];
	char *origins[ORIGINS_MAX]; /* callback origins, `scheme://host:port`; port may be `*` */
	size_t origins_n;
	_Atomic unsigned holders;
};

/* Words that came with a credential; shared and read-only like facts. */
enum { CALLER_WORDS_MAX = 64 };
struct caller_words {
	_Atomic unsigned holders;
	size_t scopes_n, roles_n;
	bool is_narrowed; /* has scopes, be they none: may do nothing beside them */
	char *scopes[CALLER_WORDS_MAX], *roles[CALLER_WORDS_MAX];
};
/* What the record says it holds, and what its token says beside it. */
enum { CALLER_ROLES_MAX = ROLES_HELD_MAX + CALLER_WORDS_MAX };

enum caller_kind { CALLER_KEY, CALLER_TOKEN };

struct caller {
	enum caller_kind kind;
	/* A rotated key is another credential of the same principal. */
	struct id tenant, principal, credential;
	struct id person;		      /* an operator's, where two people are needed */
	struct id key, family;		      /* what a token hangs on; zero: nothing */
	struct id sources[TOKEN_SOURCES_MAX]; /* and those it was exchanged from */
	/* who vouches for a token: our key, or an issuer; both, when it was exchanged; else zero */
	struct id signer, issuer;
	bool is_operator;
	bool is_user; /* principal is a user's id (usr_), not a key's */
	/* of the credential, a token's of what it was had by; expires 0: never */
	int64_t issued_ms, expires_ms;
	bool has_origin;
	uint8_t origin[16];	    /* where the token was given, IPv4 mapped */
	uint8_t address[16];	    /* where the request comes from */
	struct caller_words *words; /* NULL: not narrowed, no roles of its own */
	struct tenant_facts *facts; /* NULL for an operator */
	struct rights
		*rights; /* what the principal's roles allow; NULL until they were asked for */
};

/* "usr_..." or "key_...": the principal, as others are told of it. */
void caller_name(const struct caller *caller, char out[ID_TEXT_MAX]);

struct tenant_facts *tenant_facts_hold(struct tenant_facts *facts);
/* NULL is fine. */
void tenant_facts_release(struct tenant_facts *facts);
/* Empty, with one holder; NULL when there is no memory. */
struct caller_words *caller_words_new(void);
/* Copies a word into one of its lists. ERR_NOMEM, ERR_TOO_LARGE beyond CALLER_WORDS_MAX. */
MUST_CHECK enum err caller_scope_add(struct caller_words *words, const char *text, size_t len);
MUST_CHECK enum err caller_role_add(struct caller_words *words, const char *text, size_t len);
/* Gives it words with these scopes, spaces between. ERR_NOMEM, ERR_TOO_LARGE: it may do nothing. */
MUST_CHECK enum err caller_narrow(struct caller *caller, const char *scopes);
struct caller_words *caller_words_hold(struct caller_words *words);
/* NULL is fine. */
void caller_words_release(struct caller_words *words);
/* The scopes leave room for scope: there are none, it is among them, or "resource:*" is. */
bool caller_scope_allows(const struct caller *caller, const char *scope);
/* The same roles, in the same order? Either may be NULL: none. */
bool caller_words_same_roles(const struct caller_words *a, const struct caller_words *b);
/* Another reference to everything in it but the rights: those are asked for anew. */
void caller_copy(struct caller *to, const struct caller *from);
/* Frees the references; the struct may be used again. */
void caller_clear(struct caller *caller);

#endif
