/* data_keys.h - the data keys of the subjects who submit just now, as they rest.
 *
 * A cache of wrapped keys by (tenant, key id), so that a submit for a subject that
 * was seen lately asks the record nothing. What it holds opens nothing without an
 * epoch's key; an entry is used for DATA_KEYS_TTL_MS at most, so that after that
 * time nobody seals by a key that was taken away. And only for the history of the
 * record that has it: a fail-over may have lost the key.
 *
 * Threads: any; one lock, held for a copy.  Memory: fixed; a newer key takes an older one's place.
 */
#ifndef ACCESS_DATA_KEYS_H
#define ACCESS_DATA_KEYS_H

#include "stores/subject_key.h"

enum { DATA_KEYS_TTL_MS = 60000 };

struct data_keys;

MUST_CHECK enum err data_keys_new(struct data_keys **ret_keys);
void data_keys_free(struct data_keys *keys);
/* Fills key's wrapped form when the history of this connection is known to have it. */
bool data_keys_find(struct data_keys *keys, const struct db *db, struct subject_key *key);
/* Only what the record has, and keeps: on this connection a job was committed that it seals. */
void data_keys_put(struct data_keys *keys, const struct db *db, const struct subject_key *key);

#endif
