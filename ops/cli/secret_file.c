#include "secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum outcome secret_file_reserve(const struct call *call, const char *path, int *ret_fd)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 && errno == EEXIST)
		return call_usage(call, "%s exists; a key is only written to a new file", path);
	if (fd < 0)
		return call_usage(call, "cannot write %s: %s", path, strerror(errno));
	*ret_fd = fd;
	return OUTCOME_OK;
}

enum outcome secret_file_fill(const struct call *call, const char *path, int fd, const char *secret)
{
	size_t len = strlen(secret);
	bool fine = fchmod(fd, 0600) == 0 && write(fd, secret, len) == (ssize_t)len &&
		    write(fd, "\n", 1) == 1 && fsync(fd) == 0;
	int saved = errno;

	if (close(fd) != 0 && fine) {
		fine = false;
		saved = errno;
	}
	if (!fine)
		return call_fail(call, OUTCOME_FAILED,
			"the key was made but could not be written to %s (%s): revoke it and make "
			"another",
			path, strerror(saved));
	return OUTCOME_OK;
}

void secret_file_drop(const char *path, int fd)
{
	if (fd < 0)
		return;
	close(fd);
	unlink(path);
}
