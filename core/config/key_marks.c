#include "config/key_marks.h"

#include "ground/digest.h"
#include "ground/secret.h"

#include <stdlib.h>
#include <string.h>

/* Of all upstreams, then of all upstream_keys, in the order of the file. */
struct key_marks {
	uint8_t key[DIGEST_SHORT_KEY];
	struct key_mark {
		bool known;
		uint8_t hash[DIGEST_SHORT];
	} of[];
};

static struct key_mark mark_read(const struct key_marks *marks, const char *path)
{
	struct key_mark mark = {.known = false};
	struct secret secret = {NULL, 0};

	if (*path != '\0' && secret_read(path, NULL, &secret) == ERR_OK) {
		digest_short(marks->key, secret.bytes, secret.len, mark.hash);
		mark.known = true;
	}
	secret_clear(&secret);
	return mark;
}

enum err key_marks_read(struct config *config, const struct config *before)
{
	const size_t own = config->upstreams_n, n = own + config->upstream_keys_n;
	struct key_marks *marks = calloc(1, sizeof(*marks) + n * sizeof(marks->of[0]));

	if (marks == NULL)
		return ERR_NOMEM;
	if (before != NULL && before->key_marks != NULL)
		memcpy(marks->key, before->key_marks->key, sizeof(marks->key));
	else
		digest_random(marks->key, sizeof(marks->key));
	for (size_t i = 0; i < own; i++)
		marks->of[i] = mark_read(marks, config->upstreams[i].api_key_file);
	for (size_t i = own; i < n; i++)
		marks->of[i] = mark_read(marks, config->upstream_keys[i - own].file);
	key_marks_free(config->key_marks);
	config->key_marks = marks;
	return ERR_OK;
}

void key_marks_free(struct key_marks *marks)
{
	free(marks);
}

/* ---- what differs ---- */

static bool is_another(const struct key_mark *a, const struct key_mark *b)
{
	return a->known && b->known && !digest_equal(a->hash, b->hash, sizeof(a->hash));
}

static const struct key_mark *own_before(
	const struct config *before, const struct config_upstream *row)
{
	for (size_t i = 0; i < before->upstreams_n; i++) {
		const struct config_upstream *other = &before->upstreams[i];

		if (strcmp(other->name, row->name) == 0 &&
			strcmp(other->api_key_file, row->api_key_file) == 0)
			return &before->key_marks->of[i];
	}
	return NULL;
}

static const struct key_mark *key_before(
	const struct config *before, const struct config_upstream_key *row)
{
	for (size_t i = 0; i < before->upstream_keys_n; i++) {
		const struct config_upstream_key *other = &before->upstream_keys[i];

		if (strcmp(other->upstream, row->upstream) == 0 &&
			strcmp(other->label, row->label) == 0 &&
			strcmp(other->file, row->file) == 0)
			return &before->key_marks->of[before->upstreams_n + i];
	}
	return NULL;
}

enum err key_marks_tell(
	const struct config *config, const struct config *before, struct buf *changes)
{
	const struct key_mark *was;

	if (config->key_marks == NULL || before->key_marks == NULL)
		return ERR_OK;
	for (size_t i = 0; i < config->upstreams_n; i++) {
		was = own_before(before, &config->upstreams[i]);
		if (was != NULL && is_another(was, &config->key_marks->of[i]))
			buf_printf(changes,
				"upstreams.%s.api_key_file: the file holds another key\n",
				config->upstreams[i].name);
	}
	for (size_t i = 0; i < config->upstream_keys_n; i++) {
		was = key_before(before, &config->upstream_keys[i]);
		if (was != NULL && is_another(was, &config->key_marks->of[config->upstreams_n + i]))
			buf_printf(changes,
				"upstream_keys[%zu].file: the file of key %s of %s holds another key\n",
				i, config->upstream_keys[i].label,
				config->upstream_keys[i].upstream);
	}
	return buf_err(changes);
}
