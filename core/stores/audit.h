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

/* The installation itself, where a tenant is asked for: operators, workers, the leader. */
#define AUDIT_SYSTEM_TENANT ((struct id){{0}})

struct audit_actor {
	const char *kind;  /* "key", "operator", "worker", "leader", "cli" */
	struct id id;	   /* key, worker or scheduler id; zero = none */
	struct id request; /* X-Request-Id's id; zero = none */
};

/* For stores: the three arguments of a statement that writes its own audit row: kind, id, request.
 */
void audit_args(struct db_args *a, const struct audit_actor *by);

#endif
