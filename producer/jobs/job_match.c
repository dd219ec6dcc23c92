#include "jobs/job_match.h"

#include "ground/utf8.h"
#include "jobs/job_values.h"

#include <stdio.h>
#include <string.h>

enum { POINTER_MAX = 160 };

static void hash_add(struct job_spec *spec, const struct job_scene *scene, const char *what,
	struct sealed_pair pair)
{
	struct submit *s = &spec->submit;
	uint8_t hash[DIGEST_SIZE];

	if (s->hashes_n == SUBMIT_HASHES_MAX)
		return;
	sealed_match(scene->caller->facts->match_key, what, pair, hash);
	memcpy(s->hashes[s->hashes_n++], hash, SUBMIT_HASH_BYTES);
}

static void pair_read(struct job_spec *spec, const struct job_scene *scene, const char *name,
	const json_t *value, struct problems *p)
{
	const struct config *c = scene->config;
	const char *text = json_string_value(value);
	char pointer[POINTER_MAX];
	struct sealed_pair pair = {name, strlen(name), text, text ? strlen(text) : 0};

	(void)snprintf(pointer, sizeof pointer, "/metadata/%.100s", name);
	if (pair.name_len == 0 ||
		utf8_count(name, pair.name_len) > (size_t)c->limits.metadata_key_chars)
		problems_add(p, "/metadata", "a name must have 1 to %lld characters",
			(long long)c->limits.metadata_key_chars);
	else if (!text || utf8_count(text, pair.value_len) > (size_t)c->limits.metadata_value_chars)
		problems_add(p, pointer, "must be a text of at most %lld characters",
			(long long)c->limits.metadata_value_chars);
	else
		hash_add(spec, scene, "metadata", pair);
}

enum err job_match_metadata(
	struct job_spec *spec, const struct job_scene *scene, json_t *metadata, struct problems *p)
{
	int64_t max = scene->config->limits.metadata_keys;
	const char *name;
	json_t *value;

	if (!json_is_object(metadata) || json_object_size(metadata) == 0)
		return ERR_OK;
	if ((int64_t)json_object_size(metadata) > max) {
		problems_add(p, "/metadata", "must have at most %lld members", (long long)max);
		return ERR_OK;
	}
	json_object_foreach(metadata, name, value) pair_read(spec, scene, name, value, p);
	return job_value_add_json(spec, SEALED_METADATA, metadata);
}

enum err job_match_subject(
	struct job_spec *spec, const struct job_scene *scene, const char *text, struct problems *p)
{
	int64_t max = scene->config->limits.subject_chars;

	caller_name(scene->caller, spec->subject);
	if (text && (!text[0] || utf8_count(text, strlen(text)) > (size_t)max)) {
		problems_add(p, "/subject", "must have 1 to %lld characters", (long long)max);
		return ERR_OK;
	}
	if (!text)
		text = spec->subject;
	hash_add(spec, scene, "subject", (struct sealed_pair){"", 0, text, strlen(text)});
	/* the subject's data key bears the same name */
	memcpy(spec->submit.data_key.bytes, spec->submit.hashes[spec->submit.hashes_n - 1],
		SUBMIT_HASH_BYTES);
	return job_value_add(spec, SEALED_SUBJECT, text, strlen(text));
}
