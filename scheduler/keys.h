/* keys.h - the scheduler's part in sealing: it says which epochs' keys it holds, and as the
 * leader wraps data keys anew that are wrapped by an epoch which is no longer active.
 *
 * Threads: the scheduler's.  Memory: fixed. */
#ifndef SCHEDULER_KEYS_H
#define SCHEDULER_KEYS_H

#include "leader.h"

struct keyring;
struct scheduler_keys;

/* Opens keys.dir. Logs why it cannot. */
MUST_CHECK enum err scheduler_keys_new(struct leader *leader, struct scheduler_keys **ret_keys);
void scheduler_keys_free(struct scheduler_keys *keys);
/* Whether leading or not, in every turn: reports when that is due. An error is the connection's. */
MUST_CHECK enum err scheduler_keys_turn(struct leader *leader);
struct keyring *scheduler_keys_ring(const struct leader *leader);
/* Without the active epoch's key nothing is sealed; once the record is, there is nothing to seal.
 */
bool scheduler_keys_done(const struct leader *leader);
/* A duty: a page of data keys. */
enum err scheduler_keys_rewrap(struct leader *leader, bool *ret_busy);

#endif
