#include "jobs/job_spec.h"

#include "domain/kind.h"
#include "domain/sealed.h"
#include "ground/clock.h"
#include "jobs/job_callback.h"
#include "jobs/job_hint.h"
#include "jobs/job_match.h"
#include "jobs/job_rights.h"
#include "jobs/job_units.h"
#include "jobs/job_values.h"
#include "request_input.h"
#include "stores/partition.h"

#include <stdio.h>
#include <string.h>

enum { FALLBACKS_MAX = 8, RETAIN_MAX_S = 400 * 86400, POINTER_MAX = 160 };

/* What is being read: handed from check to check. */
struct reading {
	struct job_spec *spec;
	const struct job_scene *scene;
	const char *bytes;
	size_t len;
	struct problems *p;
	const struct queue *queue; /* the queue asked for; NULL = unknown */
};

static bool is_given(const json_t *value)
{
	return value && !json_is_null(value);
}

static const json_t *member(const struct reading *r, const char *name)
{
	const json_t *value = json_object_get(r->spec->body, name);

	return is_given(value) ? value : NULL;
}

static int64_t integer(const struct reading *r, const char *name, int64_t initial)
{
	const json_t *value = member(r, name);

	return value ? json_integer_value(value) : initial;
}

/* ---- members ---- */

static enum err kind_check(struct reading *r, const struct kind **ret_kind)
{
	const char *name = json_string_value(member(r, "kind"));
	const struct kind *kind = name ? kind_submittable(name) : NULL;

	if (!name)
		return ERR_OK; /* told by the table */
	if (!kind) {
		job_hint_kinds(r->p);
		return ERR_UNKNOWN_KIND;
	}
	r->spec->submit.kind = kind->name;
	*ret_kind = kind;
	return ERR_OK;
}

static enum err queue_check(struct reading *r)
{
	const char *name = json_string_value(member(r, "queue"));
	struct queue_view *found = queues_find(r->scene->queues, name ? name : JOB_SPEC_QUEUE);

	if (!found) {
		problems_add(r->p, "/queue", "no queue is called %s", name ? name : JOB_SPEC_QUEUE);
		return ERR_UNKNOWN_QUEUE;
	}
	memcpy(r->spec->queue, found->name_text, sizeof r->spec->queue);
	r->spec->submit.queue_id = found->queue.id;
	r->queue = &found->queue;
	return ERR_OK;
}

static enum err input_check(struct reading *r, const struct kind *kind)
{
	const json_t *input = member(r, "input");
	const json_t *model = json_object_get(input, "model");
	const char *text = json_string_value(model);
	bool calls = kind && kind->runner == KIND_RUNS_UPSTREAM;
	size_t at, len;

	if (!json_is_object(input))
		return ERR_OK;
	if (calls && (!text || !text[0]))
		problems_add(r->p, "/input/model", "must name a model");
	if (text && strlen(text) > JOB_SPEC_MODEL_MAX)
		problems_add(
			r->p, "/input/model", "must have at most %d bytes", JOB_SPEC_MODEL_MAX);
	else if (text)
		memcpy(r->spec->model, text, strlen(text) + 1);
	if (calls && strstr(kind->path, "chat") &&
		!json_is_array(json_object_get(input, "messages")))
		problems_add(r->p, "/input/messages", "must be a list of messages");
	r->spec->submit.model = r->spec->model[0] ? r->spec->model : NULL;
	if (!json_raw(r->bytes, r->len, "input", &at, &len))
		len = r->len;
	r->spec->submit.units = job_units(input, len);
	r->spec->tokens = job_tokens_of(kind ? kind->name : NULL, input, len);
	if (len < r->len)
		return job_value_add(r->spec, SEALED_INPUT, r->bytes + at, len);
	return job_value_add_json(r->spec, SEALED_INPUT, input);
}

static void run_at_check(struct reading *r)
{
	const char *text = json_string_value(member(r, "run_at"));
	int64_t now = clock_record_ms(), at = 0;

	if (!text)
		return;
	if (clock_parse(text, &at) != 0)
		problems_add(r->p, "/run_at", "must be an RFC 3339 time, as 2026-01-31T12:00:00Z");
	else if (at - now > r->scene->config->limits.run_ahead_max_s * 1000)
		problems_add(r->p, "/run_at", "must lie within %lld s from now",
			(long long)r->scene->config->limits.run_ahead_max_s);
	r->spec->submit.run_at_ms = at > now ? at : 0;
}

/* Each step is an object with exactly one member. */
static void fallback_step(struct reading *r, size_t i, const json_t *step)
{
	char pointer[POINTER_MAX];
	const char *model = json_string_value(json_object_get(step, "model"));

	(void)snprintf(pointer, sizeof pointer, "/fallback/%zu", i);
	if (json_object_size(step) != 1 ||
		!(json_is_true(json_object_get(step, "cache")) ||
			json_is_true(json_object_get(step, "wait")) || (model && model[0])))
		problems_add(r->p, pointer,
			"must be {\"cache\": true}, {\"model\": \"name\"} or {\"wait\": true}");
}

static enum err fallback_check(struct reading *r)
{
	const json_t *list = member(r, "fallback");

	if (!json_is_array(list))
		return ERR_OK;
	for (size_t i = 0; i < json_array_size(list); i++)
		fallback_step(r, i, json_array_get(list, i));
	return job_value_add_json(r->spec, SEALED_FALLBACK, list);
}

static enum err callback_check(struct reading *r)
{
	return job_callback_read(r->spec, r->scene, member(r, "callback"), r->p);
}

static enum err metadata_check(struct reading *r)
{
	return job_match_metadata(
		r->spec, r->scene, json_object_get(r->spec->body, "metadata"), r->p);
}

static enum err subject_check(struct reading *r)
{
	return job_match_subject(r->spec, r->scene, json_string_value(member(r, "subject")), r->p);
}

static enum err trace_keep(struct reading *r)
{
	char text[TRACE_PARENT_MAX];

	trace_format(r->scene->trace, text);
	return job_value_add(r->spec, SEALED_TRACE, text, strlen(text));
}

static unsigned retention(const struct reading *r)
{
	int64_t retain_s = integer(r, "retain_s", 0);

	return retain_s ? retention_for(retain_s) : r->scene->caller->facts->retention;
}

/* ---- the whole ---- */

static bool table_check(struct reading *r)
{
	const struct config *c = r->scene->config;
	const struct json_field fields[] = {
		{"kind", JSON_IS_STRING, JSON_REQUIRED, 1, 64},
		{"queue", JSON_IS_STRING, JSON_OPTIONAL, 1, QUEUE_NAME_MAX},
		{"input", JSON_IS_OBJECT, JSON_REQUIRED, 0, 0},
		{"priority", JSON_IS_INTEGER | JSON_IS_NULL, JSON_OPTIONAL, 0, 9},
		{"run_at", JSON_IS_STRING | JSON_IS_NULL, JSON_OPTIONAL, 1, 64},
		{"deadline_s", JSON_IS_INTEGER | JSON_IS_NULL, JSON_OPTIONAL, 1,
			c->limits.deadline_max_s},
		{"attempt_timeout_s", JSON_IS_INTEGER | JSON_IS_NULL, JSON_OPTIONAL, 1,
			c->limits.attempt_timeout_max_s},
		{"max_attempts", JSON_IS_INTEGER | JSON_IS_NULL, JSON_OPTIONAL, 1,
			c->limits.attempts_max},
		{"callback", JSON_IS_OBJECT | JSON_IS_NULL, JSON_OPTIONAL, 0, 0},
		{"fallback", JSON_IS_ARRAY | JSON_IS_NULL, JSON_OPTIONAL, 1, FALLBACKS_MAX},
		{"metadata", JSON_IS_OBJECT | JSON_IS_NULL, JSON_OPTIONAL, 0, 0},
		{"subject", JSON_IS_STRING | JSON_IS_NULL, JSON_OPTIONAL, 0, 0},
		{"retain_s", JSON_IS_INTEGER | JSON_IS_NULL, JSON_OPTIONAL, 1, RETAIN_MAX_S},
		{"store", JSON_IS_BOOL | JSON_IS_NULL, JSON_OPTIONAL, 0, 0},
		/* conversations come later; their place is kept */
		{"conversation", JSON_IS_NULL, JSON_OPTIONAL, 0, 0},
		{NULL, 0, JSON_OPTIONAL, 0, 0},
	};

	return json_check(r->spec->body, "", fields, r->p);
}

/* The queue's own bounds hold whatever was asked for. */
static void times_bound(struct submit *s, const struct queue *queue)
{
	const int64_t attempt_ms = 1000 * (int64_t)queue->attempt_timeout_s;

	if (queue->deadline_s && (!s->deadline_s || s->deadline_s > queue->deadline_s))
		s->deadline_s = queue->deadline_s;
	if (attempt_ms && s->attempt_timeout_ms > attempt_ms)
		s->attempt_timeout_ms = attempt_ms;
}

static void numbers_take(struct reading *r)
{
	const struct config *c = r->scene->config;
	struct submit *s = &r->spec->submit;
	const json_t *store = member(r, "store");

	s->priority = (int)integer(r, "priority", JOB_SPEC_PRIORITY);
	s->deadline_s = integer(r, "deadline_s", c->limits.deadline_default_s);
	s->attempt_timeout_ms =
		1000 * integer(r, "attempt_timeout_s", c->limits.attempt_timeout_default_s);
	if (r->queue)
		times_bound(s, r->queue);
	s->max_attempts = (int)integer(r, "max_attempts", c->limits.attempts_default);
	s->store = !store || json_is_true(store);
	s->key_ttl_s = c->limits.idempotency_ttl_s;
}

static enum err values_take(struct reading *r, const struct kind *kind)
{
	static enum err (*const takes[])(struct reading *) = {
		metadata_check, subject_check, callback_check, fallback_check, trace_keep};
	enum err e = input_check(r, kind);

	for (size_t i = 0; !e && i < sizeof takes / sizeof *takes; i++)
		e = takes[i](r);
	return e;
}

/* A known name behind a mistake elsewhere is a second mistake: the table's come first. */
static enum err judge(const struct reading *r, enum err kind, enum err queue, size_t names)
{
	if (r->p->total > names)
		return ERR_INVALID_FIELD;
	return kind ? kind : queue;
}

static enum err body_check(struct reading *r)
{
	const struct kind *kind = NULL;
	enum err e, unknown_kind, unknown_queue;
	size_t names;

	if (!json_is_object(r->spec->body)) {
		problems_add(r->p, "", "must be an object");
		return ERR_INVALID_FIELD;
	}
	if (!table_check(r)) {
		job_hint_misplaced(r->p);
		return ERR_INVALID_FIELD;
	}
	unknown_kind = kind_check(r, &kind);
	unknown_queue = queue_check(r);
	names = r->p->total;
	run_at_check(r);
	numbers_take(r);
	e = values_take(r, kind);
	if (!e)
		e = judge(r, unknown_kind, unknown_queue, names);
	return e || job_rights_allow(r->spec, r->scene, r->p) ? e : ERR_FORBIDDEN;
}

enum err job_spec_read(struct job_spec *spec, const struct job_scene *scene, const char *bytes,
	size_t len, struct problems *p)
{
	const struct json_bounds bounds = request_input_bounds(scene->config);
	struct reading r = {.spec = spec, .scene = scene, .bytes = bytes, .len = len, .p = p};
	enum err e;

	memset(spec, 0, sizeof *spec);
	buf_init(&spec->sealed, 8 * len + 65536);
	buf_init(&spec->clear, 8 * len + 65536);
	e = json_read_within(bytes, len, &bounds, p, &spec->body);
	if (e == ERR_TOO_LARGE)
		e = ERR_INVALID_JSON;
	if (!e)
		e = buf_reserve(&spec->sealed, len + 512);
	if (!e)
		e = body_check(&r);
	if (e)
		goto out;
	job_values_point(spec);
	spec->submit.tenant = scene->caller->tenant;
	spec->submit.principal = scene->caller->principal;
	spec->submit.by = scene->by;
	spec->submit.job = id_new(retention(&r));
out:
	/* also of a refused one: a bulk request keeps hundreds until they are answered */
	json_decref(spec->body);
	spec->body = NULL;
	return e;
}

enum err job_spec_key(struct job_spec *spec, const struct job_scene *scene, const char *key,
	const char *bytes, size_t len)
{
	const struct tenant_facts *facts = scene->caller->facts;
	size_t n = strlen(key);
	struct digest_part parts[] = {{"idempotency", 12}, {key, n}};
	struct digest_part body[] = {{"body", 5}, {bytes, len}};

	if (n == 0 || n > IDEMPOTENCY_KEY_MAX)
		return ERR_BAD_REQUEST;
	for (size_t i = 0; i < n; i++)
		if (key[i] < 0x20 || key[i] > 0x7e)
			return ERR_BAD_REQUEST;
	digest_hmac(facts->match_key, MATCH_KEY_BYTES, parts, 2, spec->submit.key_hash);
	digest_hmac(facts->match_key, MATCH_KEY_BYTES, body, 2, spec->submit.body_hash);
	spec->submit.has_key = true;
	spec->submit.key_ttl_s = scene->config->limits.idempotency_ttl_s;
	return ERR_OK;
}

void job_spec_clear(struct job_spec *spec)
{
	json_decref(spec->body);
	spec->body = NULL;
	if (!spec->is_sealed)
		digest_wipe(spec->sealed.bytes, spec->sealed.len);
	buf_clear(&spec->sealed);
	digest_wipe(spec->clear.bytes, spec->clear.len);
	buf_clear(&spec->clear);
}
