/* signing_key.h - the keys that sign tokens of ours.
 *
 * Every producer signs and verifies with all of them, so they lie in the record: the
 * secret half is sealed by the installation's own key (subject_key.h). A key is published when it
 * is made, signs from signs_ms on, the newest such key alone, and verifies until ends_ms. Every
 * change moves the access sequence (revocation.h): producers follow within seconds.
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it. */
#ifndef STORES_SIGNING_KEY_H
#define STORES_SIGNING_KEY_H

#include "domain/sealed.h"
#include "ports/db.h"
#include "stores/audit.h"

struct signing_key {
	struct id id;
	struct db_bytes public_key; /* 32 bytes */
	struct db_bytes secret;	    /* sealed */
	int64_t created_ms, signs_ms;
	int64_t ends_ms;       /* 0 = not yet known */
	struct sealed_key own; /* filled by the list: the installation's, which opens secret */
};
typedef void signing_key_done(void *ctx, enum err e, const struct signing_key *keys, size_t n);

/* All that have not ended a day ago, the newest first; at most 100. */
MUST_CHECK enum err signing_key_list(struct db *db, signing_key_done *done, void *ctx);
/* The first one of an installation, where there is none that verifies. n = 0: there is. */
MUST_CHECK enum err signing_key_first(
	struct db *db, const struct signing_key *key, signing_key_done *done, void *ctx);
/* A new key that signs in signs_in_s; all others end keep_s after that. n = 1: the new key. With 0
 * and 0 nothing that they signed is believed any longer. ERR_UNAUTHORIZED: by is believed no longer
 * (believed.h). */
struct signing_key_change {
	struct signing_key key; /* id, public_key, secret */
	int64_t signs_in_s, keep_s;
	const char *action; /* of the audit row */
};
MUST_CHECK enum err signing_key_rotate(struct db *db, const struct signing_key_change *change,
	const struct audit_actor *by, signing_key_done *done, void *ctx);

#endif
