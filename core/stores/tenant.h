/* tenant.h - the parties that share an installation.
 *
 * Row security shows a tenant's row only to a transaction that names it, so the
 * list and the look-up by name go through owner-owned functions that return ids
 * and names only. Callback origins and the default webhook secret are sealed
 * values (domain/sealed.h): the store carries bytes.
 *
 * match_key is 32 random bytes, made with the tenant and sealed like the others: the
 * key under which its subjects, metadata and idempotency keys are hashed for look-up.
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it. */
#ifndef STORES_TENANT_H
#define STORES_TENANT_H

#include "domain/sealed.h"
#include "ports/db.h"
#include "stores/audit.h"

struct tenant {
	struct id id;
	const char *name; /* operator's label: 1-64 of [a-z0-9_-] */
	int64_t created_ms;
	unsigned retention;	   /* class for jobs that ask for none */
	struct sealed_key key;	   /* its own: opens what follows */
	struct db_bytes match_key; /* sealed; of 32 bytes: clear, from before there were keys */
	struct db_bytes webhook_secret;	  /* sealed */
	struct db_bytes callback_origins; /* sealed JSON array of strings; NULL = none */
	int64_t version;
	/* tenant_list alone: its jobs; queued and waiting are counted up to TENANT_COUNT_MAX */
	int64_t queued, waiting, running;
};
enum { TENANT_COUNT_MAX = 1000 };
typedef void tenant_done(void *ctx, enum err e, const struct tenant *tenants, size_t n);

/* t's id is made by the caller (id_new), and what is sealed. ERR_CONFLICT: the name is taken.
 * ERR_UNAUTHORIZED: by is believed no longer (believed.h). */
MUST_CHECK enum err tenant_create(struct db *db, const struct tenant *t,
	const struct audit_actor *by, tenant_done *done, void *ctx);
/* By ids (cached by producers), whole rows; missing ones are left out. */
MUST_CHECK enum err tenant_get(
	struct db *db, const struct id *ids, size_t n, tenant_done *done, void *ctx);
/* Only id, name, created_ms and the counts; by name, keyset after a name (NULL = from the start).
 */
MUST_CHECK enum err tenant_list(
	struct db *db, const char *after, size_t limit, tenant_done *done, void *ctx);
/* Only id, name and created_ms; n = 0 when there is none. */
MUST_CHECK enum err tenant_find(struct db *db, const char *name, tenant_done *done, void *ctx);
/* Sets what is not NULL. n = 1: the new row; ERR_NOT_FOUND. ERR_UNAUTHORIZED: by is believed no
 * longer (believed.h). */
struct tenant_change {
	struct db_bytes webhook_secret;
	struct db_bytes callback_origins;
	int retention; /* -1 = as it is */
};
MUST_CHECK enum err tenant_patch(struct db *db, struct id tenant,
	const struct tenant_change *change, const struct audit_actor *by, tenant_done *done,
	void *ctx);

#endif
