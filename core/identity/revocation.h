/* revocation.h - the list of what is believed no longer, as each process holds it.
 *
 * The record has the truth, in a sequence that no commit can overtake; a process
 * asks for what is new. Four kinds, so that a word is enough to shut out one token
 * or everybody:
 *
 *   credential  a token, a family of refresh tokens, or an API key, by its id
 *   user        what a principal was given before a moment
 *   tenant      what anybody of a tenant was given before a moment
 *   network     what was given to addresses of a network before a moment; the zero
 *               tenant stands for all tenants
 *
 * An entry ends when all that it shuts out has expired by itself. Those of tokens, families and
 * keys do: a family that has ended is refused by its own row, a key too, and a token lives for a
 * day at most. Those of users, networks and whole tenants do not. Anybody may add one for a token
 * of his own, a tenant's own people all others of theirs: how many a tenant has of each share is
 * counted.
 *
 * Threads: the owner's lock.  Memory: grows with its entries; the record bounds their number. */
#ifndef IDENTITY_REVOCATION_H
#define IDENTITY_REVOCATION_H

#include "domain/egress.h"
#include "ground/err.h"
#include "ground/id.h"
#include "identity/token.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REVOCATION_KINDS(X) \
	X(CREDENTIAL, "credential") X(USER, "user") X(TENANT, "tenant") X(NETWORK, "network")
#define REVOCATION_NAME(name, text) REVOCATION_##name,
enum revocation_kind { REVOCATION_KINDS(REVOCATION_NAME) REVOCATION_KIND_COUNT_ };
#undef REVOCATION_NAME

const char *revocation_kind_text(enum revocation_kind kind);
bool revocation_kind_parse(const char *text, enum revocation_kind *ret_kind);

struct revocation {
	enum revocation_kind kind;
	struct id tenant;
	struct id subject;	   /* credential or user; zero for the others */
	struct egress_net network; /* of its kind only */
	int64_t before_ms;	   /* given before this moment; a credential's does not matter */
	int64_t ends_ms;	   /* of no use behind it; 0 = never */
	bool taken_back;	   /* shuts out nobody, and is a row until it ends */
	bool is_key;		   /* the credential is an API key */
};

/* What a tenant has on the list is counted by shares, so that one that is full keeps none of
 * another out. A whole tenant's entry is one, and operators' networks of all tenants are nobody's.
 */
enum revocation_share {
	REVOCATION_TOKENS, /* and families */
	REVOCATION_KEYS,
	REVOCATION_STANDING, /* users and networks: they stay until they are taken back */
	REVOCATION_TAKEN_BACK,
	REVOCATION_SHARES,
	REVOCATION_UNCOUNTED = REVOCATION_SHARES
};
enum revocation_share revocation_share(const struct revocation *r);

/* An entry of a token, a family or a key is needed so long: no token lives longer than a day. */
enum { REVOCATION_TOKEN_MS = 2 * CLAIMS_LIFE_MAX_S * 1000 };

enum { REVOCATION_CREDENTIALS = 3 };
/* What one caller shows of itself. */
struct revocation_facts {
	struct id tenant, principal;
	/* by which it came: a token, its family, the API key behind it; zero: none */
	struct id credentials[REVOCATION_CREDENTIALS];
	struct id sources[TOKEN_SOURCES_MAX]; /* what that token was exchanged from; zero: none */
	int64_t issued_ms;
	uint8_t address[16]; /* where it was given, else where it is shown; IPv4 mapped */
};

struct revocations;

MUST_CHECK enum err revocations_new(struct revocations **ret_list);
/* NULL is fine. */
void revocations_free(struct revocations *list);
/* As the record has it now, in the order of its sequence: adds it, or puts it in the place of an
 * equal one. ERR_NOMEM. */
MUST_CHECK enum err revocations_add(struct revocations *list, const struct revocation *r);
/* Drops what ended by now (the record's). */
void revocations_sweep(struct revocations *list, int64_t now_ms);
bool revocations_deny(const struct revocations *list, const struct revocation_facts *facts);
/* Would one who comes from some address be denied for it? */
bool revocations_deny_somewhere(
	const struct revocations *list, const struct revocation_facts *facts);
size_t revocations_n(const struct revocations *list);
/* Of one tenant's share. Of what stands the larger of that and what was taken back, which the
 * record keeps for two days: so taking back makes room, and nobody puts and takes back without end.
 */
size_t revocations_of(
	const struct revocations *list, enum revocation_share share, struct id tenant);

#endif
