/* durable.h - a file that is there whole after a crash, or as it was before.
 *
 * Threads: any, one writer a name.  Memory: the caller's. */
#ifndef GROUND_DURABLE_H
#define GROUND_DURABLE_H

#include "ground/err.h"

#include <stddef.h>

enum { DURABLE_PATH_MAX = 4200 };

/* Makes or replaces folder/name: written beside it, fsync, rename, fsync of the folder. Mode 0644.
 *   ERR_SYSTEM  errno says why     ERR_TOO_LARGE  the path is too long */
MUST_CHECK enum err durable_write(
	const char *folder, const char *name, const void *bytes, size_t len);
/* The last half of it, for what was written and synced as folder/from by others. */
MUST_CHECK enum err durable_rename(const char *folder, const char *from, const char *to);

/* Their parts, for a file that is written in another way. Both ERR_SYSTEM: errno says why.
 * durable_fill writes all of it to fd and syncs that; durable_folder syncs what was made or
 * removed in the folder. */
MUST_CHECK enum err durable_fill(int fd, const void *bytes, size_t len);
MUST_CHECK enum err durable_folder(const char *folder);

#endif
