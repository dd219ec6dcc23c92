/* subject_key.h - the data keys by which values are sealed, as they rest: wrapped.
 *
 * A key is made by whoever first needs it, in a transaction of its own; where the record
 * has one, that is read: of two who make the same one at once both get the one that stayed.
 * Only what the record has may seal. That transaction does not wait for the disk:
 * the next commit that does, that of the job which the key seals, takes it along,
 * as the log is written in order.
 *
 * Reads bring the wrapped key beside the values it opens, so that a reader needs
 * no table of keys, and a key that is gone is gone at once.
 *
 * Threads: the connection's.  Memory: see each. */
#ifndef STORES_SUBJECT_KEY_H
#define STORES_SUBJECT_KEY_H

#include "domain/sealed.h"
#include "ports/db.h"

/* The wrapped key of a row that has key_id, as SQL, and how both are read. */
#define KEY_OF(row)                                                                        \
	row ".key_id, (select key.wrapped from subject_key key where key.tenant_id = " row \
	    ".tenant_id and key.key_id = " row ".key_id)"
/* The tenant's own key, of no subject: its id is zero. Read as KEY_OF is; one that the same
 * statement's snapshot does not show yet is read as none. */
#define TENANT_KEY_OF(row)                                                                   \
	"'00000000-0000-0000-0000-000000000000'::uuid, (select k.wrapped from subject_key k" \
	" where k.tenant_id = " row ".tenant_id and k.key_id ="                              \
	" '00000000-0000-0000-0000-000000000000'::uuid)"
/* The installation's own, of no tenant, for what no tenant's key may seal. Its id is not zero: the
 * leader's walk over all keys begins behind zero. */
#define INSTALLATION_KEY_ID ((struct id){.bytes = {[15] = 1}})
#define INSTALLATION_KEY                                                                         \
	"'00000000-0000-0000-0000-000000000001'::uuid, (select key.wrapped from subject_key key" \
	" where key.tenant_id = '00000000-0000-0000-0000-000000000000'::uuid"                    \
	" and key.key_id = '00000000-0000-0000-0000-000000000001'::uuid)"
struct sealed_key subject_key_take(const struct db_rows *r, size_t row, int column);

struct subject_key {
	struct id tenant;
	struct sealed_key key; /* by its id */
};
typedef void subject_key_done(void *ctx, enum err e);

/* Puts in those that are not there, and fills each with what the record has. keys: 1 to
 * SUBJECT_KEYS_MAX, no two of one (tenant, id); the caller's until done. */
enum { SUBJECT_KEYS_MAX = 1000 };
MUST_CHECK enum err subject_key_ensure(
	struct db *db, struct subject_key *keys, size_t n, subject_key_done *done, void *ctx);

/* ---- the leader's ---- */

/* The next keys behind after, in order, that are wrapped by another epoch than active; fewer than
 * limit were looked at when *last is false. */
struct subject_key_page {
	const struct subject_key *keys;
	size_t n;
	struct id after_tenant, after_key; /* where the page ended */
	bool last;			   /* nothing lies behind it */
};
typedef void subject_key_page_done(void *ctx, enum err e, const struct subject_key_page *page);
MUST_CHECK enum err subject_key_page(struct db *db, const struct subject_key *after, int32_t active,
	subject_key_page_done *done, void *ctx);
/* Puts each in the place of the one that it was made from, if that is still there: was[i]. */
MUST_CHECK enum err subject_key_rewrap(struct db *db, const struct subject_key *was,
	const struct subject_key *keys, size_t n, db_done_fn *done, void *ctx);

#endif
