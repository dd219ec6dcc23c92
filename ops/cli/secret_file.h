/* secret_file.h - new secrets go to new files that only their owner can read.
 *
 * The file is made before the secret: an unwritable path must be noticed while
 * nothing exists yet that could get lost. Reading is core's (ground/secret.h).
 *
 * Threads: one.  Memory: none kept. */
#ifndef CLI_SECRET_FILE_H
#define CLI_SECRET_FILE_H

#include "call.h"

/* Makes the file, mode 0600; it must not exist. *ret_fd belongs to the caller. What is wrong was
 * said. */
enum outcome secret_file_reserve(const struct call *call, const char *path, int *ret_fd);
/* Writes secret and a newline, syncs and closes fd (in any case). */
enum outcome secret_file_fill(
	const struct call *call, const char *path, int fd, const char *secret);
/* Closes fd and removes the file, as nothing was made. fd -1 is fine. */
void secret_file_drop(const char *path, int fd);

#endif
