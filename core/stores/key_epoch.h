/* key_epoch.h - the epochs of the key-encryption keys, and who holds which.
 *
 *   made -> active -> retired -> destroyed; made -> destroyed
 *
 * An epoch is made ahead: its key goes to every host, and every process says within
 * seconds that it holds it. Only then does it become active, and the one before it
 * retired; from then on new data keys are wrapped by it, and the leader wraps the
 * others anew. One that was made and never active can be given up. A retired epoch whose key wraps
 * nothing any more is destroyed: what was wrapped by it once, in backups and dead rows, opens no
 * more.
 *
 * The record never has a key, only its mark (keyring.h): a key that bears the number
 * and not the mark is none.
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it. */
#ifndef STORES_KEY_EPOCH_H
#define STORES_KEY_EPOCH_H

#include "domain/key_state.h"
#include "domain/keyring.h"
#include "ports/db.h"

enum { KEY_REPORT_EVERY_MS = 2000 };

/* ---- every process ---- */

struct key_holder {
	struct id id; /* of this process' life */
	const char *program;
};
/* What the record knew, as it was put into the ring: which epoch is active, whether clear values
 * are still read, which epochs are destroyed and gone. */
typedef void key_report_done(void *ctx, enum err e, const struct key_state *state);
/* Says what this process holds, and learns. Every KEY_REPORT_EVERY_MS. */
MUST_CHECK enum err key_epoch_report(struct db *db, const struct key_holder *self,
	struct keyring *ring, key_report_done *done, void *ctx);

/* ---- the owner's connection: the command line ---- */

struct key_epoch {
	int32_t epoch;
	const char *state; /* "made", "active", "retired", "destroyed" */
	uint8_t mark[KEYRING_MARK];
	int64_t made_ms, active_ms, retired_ms, destroyed_ms;
	int64_t holders, processes; /* of those that were seen lately, how many hold it */
	int64_t keys;		    /* data keys wrapped by it */
	int64_t escrow_until_ms;    /* when its copies in escrow must be gone; 0 = there are none */
};
typedef void key_epoch_done(void *ctx, enum err e, const struct key_epoch *epochs, size_t n);
/* Ascending. */
MUST_CHECK enum err key_epoch_list(struct db *db, key_epoch_done *done, void *ctx);
/* Active at once where there is none yet. ERR_CONFLICT: the number is taken. n = 1. */
MUST_CHECK enum err key_epoch_add(struct db *db, int32_t epoch, const uint8_t mark[KEYRING_MARK],
	key_epoch_done *done, void *ctx);
/* ERR_CONFLICT: it is not one that was made ahead, or a live process does not hold it. n = 1. */
MUST_CHECK enum err key_epoch_activate(
	struct db *db, int32_t epoch, key_epoch_done *done, void *ctx);
/* Live processes that do not hold it; KEY_LACKING_MAX at most. */
#define KEY_LACKING_MAX 20
struct key_lacking {
	const char *program, *host;
	int64_t pid;
};
typedef void key_lacking_done(void *ctx, enum err e, const struct key_lacking *rows, size_t n);
MUST_CHECK enum err key_epoch_lacking(
	struct db *db, int32_t epoch, key_lacking_done *done, void *ctx);
/* Writes down that a copy is in escrow, and until when: a week of being active, and weeks of being
 * retired, in which backups that need it live. n = 1. ERR_CONFLICT: it is destroyed, or is none. */
MUST_CHECK enum err key_epoch_escrow(
	struct db *db, int32_t epoch, int64_t weeks, key_epoch_done *done, void *ctx);
/* ERR_CONFLICT: it is active, or not retired for least_s, or still wraps a data key. n = 1. */
MUST_CHECK enum err key_epoch_destroy(
	struct db *db, int32_t epoch, int64_t least_s, key_epoch_done *done, void *ctx);

#endif
