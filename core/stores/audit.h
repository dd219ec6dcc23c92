/* audit.h - who asked for a change.
 *
 * Every changing transaction appends its audit row in the same commit; the
 * stores do that themselves and take the who from the caller. Fields are an
 * allow-list: ids and codes, never free text.
 *
 * Threads: pure.  Memory: values. */
#ifndef STORES_AUDIT_H
#define STORES_AUDIT_H

#include "ports/db.h"

struct revocation_facts;

/* The installation itself, where a tenant is asked for: operators, workers, the leader. */
#define AUDIT_SYSTEM_TENANT ((struct id){{0}})
/* The same as a piece of SQL. */
#define AUDIT_SYSTEM_SQL "'00000000-0000-0000-0000-000000000000'"
/* The kind of an operator who asks. */
#define AUDIT_OPERATOR "operator"

struct audit_actor {
	const char *kind;     /* "key", "user", "token", "worker", ...: docs/audit.md */
	struct id id;	      /* pseudonym (domain/pseudonym.h), or a machine's id; zero = none */
	struct id request;    /* X-Request-Id's id; zero = none */
	struct id credential; /* the API key or token that was shown; zero = none */
	struct id source;     /* pseudonym of the address; zero = none */
	/* what was shown: a change that asks whether the record believes it still ends with
	 * ERR_UNAUTHORIZED when it does not (believed.h); NULL = nobody is asked for */
	const struct revocation_facts *shown;
};

/* For stores, in a statement that writes its own audit row: the columns, and their five arguments
 * in the same order. */
#define AUDIT_BY "actor_kind, actor, request, credential, source"
void audit_by_args(struct db_args *a, const struct audit_actor *by);
/* Five arrays in that order, of n values each: AUDIT_BY_COLUMNS(a, n, batch[i]->by). */
#define AUDIT_BY_COLUMNS(args, n, ...)                                    \
	do {                                                              \
		DB_COLUMN(args, n, text, (__VA_ARGS__).kind);             \
		DB_COLUMN(args, n, id_or_null, (__VA_ARGS__).id);         \
		DB_COLUMN(args, n, id_or_null, (__VA_ARGS__).request);    \
		DB_COLUMN(args, n, id_or_null, (__VA_ARGS__).credential); \
		DB_COLUMN(args, n, id_or_null, (__VA_ARGS__).source);     \
	} while (0)

/* A row of the installation for a change that is made elsewhere than in the record: written first,
 * so that no such change is without one. */
struct audit_note {
	struct id object;
	const char *action, *reason; /* words */
};
typedef void audit_note_done(void *ctx, enum err e);
MUST_CHECK enum err audit_note_write(struct db *db, const struct audit_actor *by,
	const struct audit_note *note, audit_note_done *done, void *ctx);

#endif
