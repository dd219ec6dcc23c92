#include "checkpoint_dir.h"

#include "ground/durable.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KEYS "keys"
enum { KEYS_MAX = 64, KEYS_TEXT_MAX = KEYS_MAX * CHECKPOINT_KEY_TEXT_MAX };

struct keys {
	struct checkpoint_key list[KEYS_MAX];
	size_t n;
};

/* 0 when there is none, or it cannot be read. */
static size_t text_read(const char *folder, const char *name, char *out, size_t room)
{
	char path[DURABLE_PATH_MAX];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, out, room);
	(void)close(fd);
	return n > 0 ? (size_t)n : 0;
}

static void keys_read(const char *folder, struct keys *ret)
{
	char text[KEYS_TEXT_MAX];
	const size_t len = text_read(folder, KEYS, text, sizeof text);
	const char *at = text, *end = text + len;

	ret->n = 0;
	while (at < end && ret->n < KEYS_MAX) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		const size_t n = (size_t)((stop ? stop : end) - at);

		ret->n += checkpoint_key_parse(at, n, &ret->list[ret->n]);
		at += n + 1;
	}
}

static bool is_same(const struct checkpoint_key *a, const struct checkpoint_key *b)
{
	return strcmp(a->log, b->log) == 0 &&
	       memcmp(a->public_key, b->public_key, sizeof a->public_key) == 0;
}

uint64_t checkpoint_dir_size(const char *folder, const struct checkpoint_key *own)
{
	struct checkpoint c = {.tree = {.size = 0}};
	char text[CHECKPOINT_TEXT_MAX];
	const size_t len = text_read(folder, CHECKPOINT_LATEST, text, sizeof text);
	struct keys keys;

	keys_read(folder, &keys);
	if (keys.n < KEYS_MAX)
		keys.list[keys.n++] = *own;
	if (len == 0 || checkpoint_read(text, len, keys.list, keys.n, &c) != ERR_OK)
		return 0;
	return c.tree.size;
}

enum err checkpoint_dir_publish(const char *folder, const struct checkpoint_key *own)
{
	char text[KEYS_TEXT_MAX + CHECKPOINT_KEY_TEXT_MAX];
	struct keys keys;
	size_t len = 0;

	keys_read(folder, &keys);
	if (keys.n > 0 && is_same(&keys.list[keys.n - 1], own))
		return ERR_OK;
	/* the oldest goes where there is no room */
	for (size_t i = keys.n == KEYS_MAX; i <= keys.n; i++) {
		char line[CHECKPOINT_KEY_TEXT_MAX];

		checkpoint_key_format(i < keys.n ? &keys.list[i] : own, line);
		len += (size_t)snprintf(text + len, sizeof text - len, "%s\n", line);
	}
	return durable_write(folder, KEYS, text, len);
}
