/* gz.h - files that may be compressed (zlib lives behind this, RFC 1952).
 *
 * A reader takes either kind. What a writer made is on the disk when gz_finish says so.
 *
 * Threads: one owner.  Memory: the struct is freed by gz_finish or gz_close. */
#ifndef PORTS_GZ_H
#define PORTS_GZ_H

#include "ground/err.h"

#include <stdbool.h>
#include <stddef.h>

struct gz;

/* Makes the file anew, mode 0644.  ERR_SYSTEM (errno), ERR_NOMEM */
MUST_CHECK enum err gz_create(const char *path, bool compress, struct gz **ret_gz);
MUST_CHECK enum err gz_write(struct gz *gz, const void *bytes, size_t len);
/* Flushes, syncs, closes; frees in any case. */
MUST_CHECK enum err gz_finish(struct gz *gz);

/* ERR_NOT_FOUND, ERR_SYSTEM (errno), ERR_NOMEM */
MUST_CHECK enum err gz_open(const char *path, struct gz **ret_gz);
/* Up to room bytes; 0 at the end.  ERR_INVALID_FIELD when a compressed file is damaged or cut. */
MUST_CHECK enum err gz_read(struct gz *gz, void *out, size_t room, size_t *ret_n);
/* Without a promise. NULL is fine. */
void gz_close(struct gz *gz);

#endif
