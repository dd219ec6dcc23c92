/* keys.h - the section `keys` as a keyring.
 *
 * Every program that seals or opens loads its keys before anything else and does not
 * start without any; files that come later are found by looking again, which is
 * due before each report to the record (stores/key_epoch.h).
 *
 * Threads: one.  Memory: the ring is the caller's to free. */
#ifndef CONNECT_KEYS_H
#define CONNECT_KEYS_H

#include "config/config.h"
#include "domain/key_state.h"
#include "domain/keyring.h"

/* Logs why it fails: keys.dir is not set, holds no key that can be read, or may be read by others.
 * A key that cannot be read beside one that can is only logged: is it the active one's, the record
 * says so, and the program is not ready.
 *   ERR_CONFIG, ERR_NOMEM, ERR_TOO_LARGE */
MUST_CHECK enum err keys_open(const struct config *config, struct keyring **ret_ring);

/* What was told last. */
enum { KEYS_FAULT_MAX = 256 };
struct keys_told {
	struct key_state state;
	bool any;
	char fault[KEYS_FAULT_MAX]; /* of the files, its beginning; empty = none */
};
/* Adds what came since; a fault is logged when it is news, and what is held stays. Says also when
 * data keys did not open since the last look, as the key of their epoch is destroyed or not here.
 */
void keys_look(const struct config *config, struct keyring *ring, struct keys_told *told);
/* Logs what the record says of the keys, where it is news. without: what stays undone while the
 * active epoch's key is not here; static. True: it was news. */
bool keys_tell(struct keys_told *told, const struct key_state *state, const char *without);

#endif
