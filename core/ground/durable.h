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

#endif
