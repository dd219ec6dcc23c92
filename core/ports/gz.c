#include "ports/gz.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

enum { ROOM = 256 << 10, CHUNK_MAX = 1 << 30 };

struct gz {
	gzFile file;
	int fd; /* the same file, to sync it */
};

static enum err attach(int fd, const char *mode, struct gz **ret_gz)
{
	struct gz *gz = calloc(1, sizeof *gz);
	const int twin = gz ? dup(fd) : -1;

	if (twin >= 0)
		gz->file = gzdopen(twin, mode);
	if (!gz || !gz->file || gzbuffer(gz->file, ROOM) != 0) {
		if (twin >= 0 && !gz->file)
			(void)close(twin);
		(void)close(fd);
		if (gz && gz->file)
			(void)gzclose(gz->file);
		free(gz);
		return ERR_NOMEM;
	}
	gz->fd = fd;
	*ret_gz = gz;
	return ERR_OK;
}

enum err gz_create(const char *path, bool compress, struct gz **ret_gz)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	return fd < 0 ? ERR_SYSTEM : attach(fd, compress ? "wb6" : "wbT", ret_gz);
}

enum err gz_write(struct gz *gz, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len > 0) {
		const unsigned n = len < CHUNK_MAX ? (unsigned)len : CHUNK_MAX;

		if (gzwrite(gz->file, at, n) != (int)n)
			return ERR_SYSTEM;
		at += n;
		len -= n;
	}
	return ERR_OK;
}

enum err gz_finish(struct gz *gz)
{
	enum err e = gzclose(gz->file) == Z_OK ? ERR_OK : ERR_SYSTEM;

	if (e == ERR_OK && fsync(gz->fd) != 0 && errno != EINVAL) /* a pipe keeps nothing */
		e = ERR_SYSTEM;
	if (close(gz->fd) != 0)
		e = ERR_SYSTEM;
	free(gz);
	return e;
}

enum err gz_open(const char *path, struct gz **ret_gz)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM;
	return attach(fd, "rb", ret_gz);
}

enum err gz_read(struct gz *gz, void *out, size_t room, size_t *ret_n)
{
	const int n = gzread(gz->file, out, room < CHUNK_MAX ? (unsigned)room : CHUNK_MAX);
	int state = Z_OK;

	if (n < 0)
		return ERR_INVALID_FIELD;
	/* a compressed file that was cut ends without its trailer */
	if (n == 0 && (gzerror(gz->file, &state), state == Z_BUF_ERROR))
		return ERR_INVALID_FIELD;
	*ret_n = (size_t)n;
	return ERR_OK;
}

void gz_close(struct gz *gz)
{
	if (!gz)
		return;
	(void)gzclose(gz->file);
	(void)close(gz->fd);
	free(gz);
}
