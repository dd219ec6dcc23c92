/* api_key.h - who is calling.
 *
 * Only the SHA-256 of a key is stored: keys are 256 random bits, so a plain hash
 * is enough and the look-up stays one index descent. A key belongs to a tenant;
 * an operator's key belongs to the installation (AUDIT_SYSTEM_TENANT) and opens
 * the admin listener only.
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it. */
#ifndef STORES_API_KEY_H
#define STORES_API_KEY_H

#include "ports/db.h"
#include "stores/audit.h"

enum { API_KEY_HASH_BYTES = 32 };

struct api_key {
	struct id id, tenant;
	struct id user;	       /* it acts for; zero: for itself */
	const char *user_name; /* api_key_insert alone: that user; NULL = none */
	const char *roles;     /* with spaces between; NULL, read "" = those of its user or kind */
	const char *tenant_name; /* filled when read */
	uint8_t hash[API_KEY_HASH_BYTES];
	const char *name; /* operator's label, 0-64 characters */
	bool operator;
	int64_t created_ms, revoked_ms, last_used_ms; /* 0 = never */
	struct id principal; /* who it stands for: itself, or the key it was rotated from */
	/* as whom an operator's key counts where two people are needed: zero, read as the
	 * principal, is itself */
	struct id person;
	const char *scopes; /* with spaces between; has_scopes tells "" from all */
	bool has_scopes;
	int64_t expires_ms; /* 0 = never */
	bool is_rotated;    /* it has a successor */
};
typedef void api_key_done(void *ctx, enum err e, const struct api_key *keys, size_t n);

/* most: so many good keys the tenant may have then, neither revoked nor run out, whoever made them
 * and however many are made at once; 0: any number.
 *   ERR_UNAUTHORIZED  who makes it is believed no longer (believed.h)
 *   ERR_NOT_FOUND     no such tenant or user
 *   ERR_KEYS_FULL     it has most */
MUST_CHECK enum err api_key_insert(struct db *db, const struct api_key *key, int64_t most,
	const struct audit_actor *by, api_key_done *done, void *ctx);
/* n = 0 when unknown, revoked or expired. Hot: cache the answer for a few seconds at most. */
MUST_CHECK enum err api_key_find(
	struct db *db, const uint8_t hash[API_KEY_HASH_BYTES], api_key_done *done, void *ctx);
/* Of those that follow, of is whose key it must be: ERR_NOT_FOUND when it is another tenant's; of
 * AUDIT_SYSTEM_TENANT, as operators ask, any. Their audit rows are of's. */

/* By its id, whatever became of it. ERR_NOT_FOUND. */
MUST_CHECK enum err api_key_get(
	struct db *db, struct id of, struct id key, api_key_done *done, void *ctx);
/* Of one tenant, or of the installation for AUDIT_SYSTEM_TENANT; newest first, at most limit,
 * after (zero = from the newest). */
MUST_CHECK enum err api_key_list(struct db *db, struct id tenant, struct id after, size_t limit,
	api_key_done *done, void *ctx);
/* n = 1: the key, revoked now or before, and on the list of revocations for what was given for it:
 * until the last token of it has run out. Itself it is refused by its row. ERR_NOT_FOUND. */
MUST_CHECK enum err api_key_revoke(struct db *db, struct id of, struct id key,
	const struct audit_actor *by, api_key_done *done, void *ctx);
/* A new key (id, hash) with all that the old one may, its principal and its length of life, and an
 * operator's as the person of who makes it; the old one ends overlap_s from now at latest, and with
 * 0 what was bought with it too, by the list, as when it is revoked. n = 1: the new key.
 * ERR_NOT_FOUND: no such key, or it is revoked, expired or rotated already. ERR_KEYS_FULL: of has
 * most with the old one, which counts where it does not end at once. ERR_UNAUTHORIZED: who
 * makes it is believed no longer. */
struct api_key_rotation {
	struct id of, old;
	struct api_key key; /* id, hash, person */
	int64_t overlap_s;
	int64_t most; /* as for api_key_insert */
};
MUST_CHECK enum err api_key_rotate(struct db *db, const struct api_key_rotation *rotation,
	const struct audit_actor *by, api_key_done *done, void *ctx);
/* Is there room for its successor now? key does not matter. ERR_KEYS_FULL */
typedef void api_key_room_done(void *ctx, enum err e);
MUST_CHECK enum err api_key_room(
	struct db *db, const struct api_key_rotation *rotation, api_key_room_done *done, void *ctx);
/* Notes that these keys were used (once a minute is plenty); done may be NULL. */
MUST_CHECK enum err api_key_touch(
	struct db *db, const struct id *keys, size_t n, db_done_fn *done, void *ctx);
/* The first operator, once: ERR_CONFLICT when there is an operator's key already, unless another
 * is wanted: a person of its own. The owner's connection. key needs id, hash, name. */
MUST_CHECK enum err api_key_bootstrap(
	struct db *db, const struct api_key *key, bool another, api_key_done *done, void *ctx);

#endif
