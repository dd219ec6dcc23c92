/* epoch_call.h - what the commands about epochs share: they work on the database itself, as its
 * owner, and on keys.dir.
 *
 * Threads: one, blocking.  Memory: epochs.list is the caller's to free. */
#ifndef CLI_EPOCH_CALL_H
#define CLI_EPOCH_CALL_H

#include "database.h"

#include "stores/key_epoch.h"

enum { EPOCH_STATE_MAX = 16 };

/* A copy of what a call told. Begin with err = ERR_DB. */
struct epochs {
	enum err err;
	bool told;
	size_t n;
	struct epoch_seen {
		struct key_epoch row;
		char state[EPOCH_STATE_MAX];
	} * list;
};
/* The callback of the store's calls: ctx is a struct epochs. */
void epochs_keep(void *ctx, enum err e, const struct key_epoch *rows, size_t n);
/* Waits for a call that was begun. */
enum err epochs_wait(struct database *database, enum err begun, struct epochs *epochs);

/* Opens, runs, closes. */
typedef enum outcome epoch_fn(const struct call *call, struct database *database);
enum outcome epoch_call(const struct call *call, epoch_fn *run);
/* The command's first argument; false: no number. */
bool epoch_number(const struct call *call, int32_t *ret_epoch);
enum outcome epoch_fail(const struct call *call, const struct buf *why, enum err e);

#endif
