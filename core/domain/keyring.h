/* keyring.h - the key-encryption keys that this process holds, by epoch.
 *
 * Data keys rest wrapped by the key of an epoch, a week of the installation's life
 * (stores/key_epoch.h). New ones are wrapped under the active epoch; older epochs
 * stay loaded until they are destroyed, as data keys may still be wrapped by them.
 * Where the keys come from is another's business (ports/key_files.h).
 *
 * Whether clear values (format 0, domain/sealed.h) are still read is kept here as
 * well: they are while the record is being sealed, and never again once it is.
 *
 * Threads: any; one lock, held to copy a key.  Memory: locked and wiped (ground/aead.h); a copy
 * lives on the stack for one operation. */
#ifndef DOMAIN_KEYRING_H
#define DOMAIN_KEYRING_H

#include "domain/key_state.h"
#include "ground/aead.h"

enum { KEYRING_MAX = 64, KEYRING_MARK = 16 };

struct keyring;

MUST_CHECK enum err keyring_new(struct keyring **ret_ring);
/* NULL is fine. */
void keyring_free(struct keyring *ring);

/* Takes a copy. epoch > 0.
 *   ERR_OK        it is there now, or was already
 *   ERR_CONFLICT  another key is there under that number
 *   ERR_TOO_LARGE KEYRING_MAX are held */
MUST_CHECK enum err keyring_add(struct keyring *ring, int32_t epoch, const uint8_t key[AEAD_KEY]);
/* Wipes it, as it was destroyed. */
void keyring_drop(struct keyring *ring, int32_t epoch);
bool keyring_has(struct keyring *ring, int32_t epoch);
/* Epochs that are held, ascending; how many. */
size_t keyring_list(struct keyring *ring, int32_t ret_epochs[KEYRING_MAX]);
/* Of the epochs held, these alone lie where they would be loaded from again: told with every look
 * there. A key that was put in since counts as lying there. */
void keyring_lie(struct keyring *ring, const int32_t *epochs, size_t n);
bool keyring_lies(struct keyring *ring, int32_t epoch);
/* What tells a key from another without showing it: the record compares it with its own. False
 * when the epoch is not held. */
bool keyring_mark(struct keyring *ring, int32_t epoch, uint8_t ret_mark[KEYRING_MARK]);

/* Which epoch wraps from now on; 0 = none is known. It counts only while it is held. */
void keyring_activate(struct keyring *ring, int32_t epoch);
/* What the record said of the keys that are held; so that whoever asks is told why. */
void keyring_judge(struct keyring *ring, const struct key_state *state);
struct key_state keyring_judged(struct keyring *ring);
/* 0 = none: nothing can be sealed. */
int32_t keyring_active(struct keyring *ring);
void keyring_refuse_clear(struct keyring *ring, bool refuse);
bool keyring_refuses_clear(const struct keyring *ring);

/* How often a key was asked for that is not held (destroyed, or its file is missing), since this
 * was asked last; the last epoch among them. */
size_t keyring_lacked(struct keyring *ring, int32_t *ret_epoch);
/* A copy for one operation: wipe it. False when it is not held, which is counted. */
MUST_CHECK bool keyring_copy(struct keyring *ring, int32_t epoch, uint8_t ret_key[AEAD_KEY]);

#endif
