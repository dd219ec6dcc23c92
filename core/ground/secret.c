#include "ground/secret.h"

#include "ground/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err secret_refuse(struct buf *why, const char *path, const char *reason)
{
	if (why != NULL)
		buf_printf(why, "the secret file %s %s", path, reason);
	return ERR_CONFIG;
}

static enum err secret_refuse_errno(struct buf *why, const char *path, int error)
{
	char text[128], reason[160];

	snprintf(reason, sizeof(reason), "cannot be read: %s",
		strerror_r(error, text, sizeof(text)));
	return secret_refuse(why, path, reason);
}

/* The sentence that says what is wrong with the file, or NULL. */
static const char *secret_fault(const struct stat *st)
{
	uid_t me = geteuid();

	if (!S_ISREG(st->st_mode))
		return "is not a regular file";
	if (st->st_uid != me && st->st_uid != 0 && me != 0)
		return "belongs to another user; chown it to the user that runs this program";
	if ((st->st_mode & (S_IWGRP | S_IRWXO)) != 0)
		return "may be read or changed by others; chmod 0600 it";
	if (st->st_size > SECRET_SIZE_MAX)
		return "is larger than 64 KiB";
	return NULL;
}

/* Reads until the end or until room is full. Returns the bytes read, or -1 with errno. */
static ssize_t secret_fill(int fd, char *to, size_t room)
{
	size_t len = 0;

	while (len < room) {
		ssize_t n = read(fd, to + len, room - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

static size_t secret_trimmed(const char *bytes, size_t len)
{
	if (len > 0 && bytes[len - 1] == '\n')
		len--;
	if (len > 0 && bytes[len - 1] == '\r')
		len--;
	return len;
}

static enum err secret_load(int fd, const char *path, struct buf *why, struct secret *ret_secret)
{
	struct secret found = {NULL, 0};
	size_t room = SECRET_SIZE_MAX + 1;
	char *bytes = malloc(room);
	ssize_t n;
	enum err e;

	if (bytes == NULL)
		return ERR_NOMEM;
	n = secret_fill(fd, bytes, room);
	if (n < 0)
		e = secret_refuse_errno(why, path, errno);
	else if (n > SECRET_SIZE_MAX)
		e = secret_refuse(why, path, "is larger than 64 KiB");
	else if (secret_trimmed(bytes, (size_t)n) == 0)
		e = secret_refuse(why, path, "is empty");
	else
		e = secret_copy(bytes, secret_trimmed(bytes, (size_t)n), &found);
	digest_wipe(bytes, room);
	free(bytes);
	if (e == ERR_OK)
		*ret_secret = found;
	return e;
}

enum err secret_read(const char *path, struct buf *why, struct secret *ret_secret)
{
	/* Not blocking, so that a FIFO named by mistake is refused and not waited for. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	const char *fault;
	enum err e;

	if (fd < 0)
		return secret_refuse_errno(why, path, errno);
	if (fstat(fd, &st) != 0)
		e = secret_refuse_errno(why, path, errno);
	else if ((fault = secret_fault(&st)) != NULL)
		e = secret_refuse(why, path, fault);
	else
		e = secret_load(fd, path, why, ret_secret);
	close(fd);
	return e;
}

enum err secret_copy(const char *bytes, size_t len, struct secret *ret_secret)
{
	char *copy = malloc(len + 1);

	if (copy == NULL)
		return ERR_NOMEM;
	memcpy(copy, bytes, len);
	copy[len] = '\0';
	ret_secret->bytes = copy;
	ret_secret->len = len;
	return ERR_OK;
}

void secret_clear(struct secret *secret)
{
	if (secret == NULL)
		return;
	digest_wipe(secret->bytes, secret->len);
	free(secret->bytes);
	*secret = (struct secret){NULL, 0};
}
