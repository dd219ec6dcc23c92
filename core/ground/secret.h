/* secret.h - a secret that lives in a file, and in memory no longer than needed.
 *
 * Keys never stand in the configuration, an argument or the environment. The
 * file must be a regular one that belongs to us or to root, that its group
 * cannot write and others cannot touch; root may read anybody's. One newline at
 * the end is dropped, as editors add it.
 *
 * Threads: one owner.  Memory: wiped by secret_clear. */
#ifndef GROUND_SECRET_H
#define GROUND_SECRET_H

#include "ground/buf.h"

enum { SECRET_SIZE_MAX = 64 * 1024 };

struct secret {
	char *bytes; /* NUL-terminated */
	size_t len;
};

/* Reads the file.
 *   ERR_CONFIG  it cannot be used; why (may be NULL) gets one sentence with the path and what to do
 *   ERR_NOMEM   */
MUST_CHECK enum err secret_read(const char *path, struct buf *why, struct secret *ret_secret);
/* Copies a secret that came another way (a reply that shows it once). */
MUST_CHECK enum err secret_copy(const char *bytes, size_t len, struct secret *ret_secret);
/* NULL and an empty one are fine. */
void secret_clear(struct secret *secret);

#endif
