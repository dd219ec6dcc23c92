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
#include "domain/keyring.h"

/* Logs why it fails: keys.dir is not set, holds no key, or may be read by others.
 *   ERR_CONFIG, ERR_NOMEM, ERR_TOO_LARGE */
MUST_CHECK enum err keys_open(const struct config *config, struct keyring **ret_ring);
/* Adds what came since; a fault is logged, and what is held stays. Says also when data keys did not
 * open since the last look, as the key of their epoch is destroyed or not here. */
void keys_look(const struct config *config, struct keyring *ring);

#endif
