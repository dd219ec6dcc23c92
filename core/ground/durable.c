#include "ground/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static enum err path_make(
	char out[DURABLE_PATH_MAX], const char *folder, const char *name, const char *end)
{
	const int n = snprintf(out, DURABLE_PATH_MAX, "%s/%s%s", folder, name, end);

	return n > 0 && n < DURABLE_PATH_MAX ? ERR_OK : ERR_TOO_LARGE;
}

enum err durable_fill(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len > 0) {
		const ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ERR_SYSTEM;
		at += n;
		len -= (size_t)n;
	}
	return fsync(fd) == 0 ? ERR_OK : ERR_SYSTEM;
}

enum err durable_folder(const char *folder)
{
	const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum err e = fd >= 0 && fsync(fd) == 0 ? ERR_OK : ERR_SYSTEM;

	if (fd >= 0)
		(void)close(fd);
	return e;
}

enum err durable_write(const char *folder, const char *name, const void *bytes, size_t len)
{
	char beside[DURABLE_PATH_MAX], path[DURABLE_PATH_MAX];
	enum err e = path_make(beside, folder, name, ".new");
	int fd;

	if (e == ERR_OK)
		e = path_make(path, folder, name, "");
	if (e != ERR_OK)
		return e;
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return ERR_SYSTEM;
	e = durable_fill(fd, bytes, len);
	if (close(fd) != 0)
		e = ERR_SYSTEM;
	if (e == ERR_OK && rename(beside, path) != 0)
		e = ERR_SYSTEM;
	return e == ERR_OK ? durable_folder(folder) : e;
}

enum err durable_rename(const char *folder, const char *from, const char *to)
{
	char before[DURABLE_PATH_MAX], after[DURABLE_PATH_MAX];
	enum err e = path_make(before, folder, from, "");

	if (e == ERR_OK)
		e = path_make(after, folder, to, "");
	if (e == ERR_OK && rename(before, after) != 0)
		e = ERR_SYSTEM;
	return e == ERR_OK ? durable_folder(folder) : e;
}
