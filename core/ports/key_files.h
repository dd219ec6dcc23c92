/* key_files.h - where the key-encryption keys come from: files in one directory.
 *
 * DIR/epoch-N.key holds 64 hexadecimal digits, the 32 bytes of epoch N. The
 * directory and its files belong to us or to root (root itself may read anybody's)
 * and are closed to everybody else: 0700 or 0500, and 0600 or 0400. Whoever can
 * read them can open all that rests in the record, so they never lie where backups
 * of it go. What root makes there takes the directory's owner, so that the programs
 * can read it.
 *
 * This is the port behind which another store of keys would stand (Vault's transit
 * engine, a cloud's key service): load, make, destroy are all that is asked of it.
 *
 * Threads: any, one at a time for a ring.  Memory: keys pass through buffers that are wiped. */
#ifndef PORTS_KEY_FILES_H
#define PORTS_KEY_FILES_H

#include "domain/keyring.h"
#include "ground/buf.h"

/* Adds every key of the directory that the ring does not hold yet, and tells the ring which lie
 * there (keyring_lie); ret_n (may be NULL) is how many of the directory's it holds then. Another
 * user's file that is closed to this one is passed over, as it may be of an epoch that nobody needs
 * here: why (may be NULL) gets a sentence for each. ERR_CONFIG  the directory or a file cannot be
 * used; why gets one sentence ERR_NOMEM, ERR_TOO_LARGE */
MUST_CHECK enum err key_files_load(
	const char *dir, struct keyring *ring, size_t *ret_n, struct buf *why);
/* A new key for epoch; makes the directory when it is missing, never replaces a file. On disk when
 * it returns. ERR_CONFLICT: there is one; ERR_CONFIG, ERR_SYSTEM (why). */
MUST_CHECK enum err key_files_make(const char *dir, int32_t epoch, struct buf *why);
/* The same for a key that comes from elsewhere (a copy in escrow). */
MUST_CHECK enum err key_files_put(
	const char *dir, int32_t epoch, const uint8_t key[AEAD_KEY], struct buf *why);
/* Overwrites and removes it; none is fine. A copy of the disk's old blocks may survive on what
 * never writes in place: encrypt that disk. ERR_SYSTEM (why). */
MUST_CHECK enum err key_files_destroy(const char *dir, int32_t epoch, struct buf *why);

#endif
