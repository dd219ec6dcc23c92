#include "admin/upstream_calls.h"

#include "access/actor.h"
#include "admin/upstream_view.h"
#include "config/serving.h"
#include "domain/permit_keys.h"
#include "ground/digest.h"
#include "jobs/job_json.h"
#include "jobs/live.h"
#include "list_reply.h"
#include "producer.h"
#include "record_call.h"
#include "request_input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TTL_USUAL_S = 3600, TTL_MAX_S = 2592000, MODE_MAX = 8, SERVED_MAX = 4096, WHY_MAX = 256 };

static const char no_view[] = "breakers are shared through Redis, which is away";
static const char never_view[] =
	"breakers are shared through Redis, and none is configured (redis.limits_url): each worker "
	"has its own";

/* ---- see ---- */

struct view_call {
	struct record_call call; /* first; no record is asked */
	struct live_call post;
};

static void view_write(struct request *r, const struct scratch_reply *shared)
{
	const struct config *c = r->producer->config;
	struct list_reply list = list_reply_begin(&r->reply);

	for (size_t i = 0; i < c->upstreams_n; i++)
		upstream_view_put(list_reply_element(&list), c, &c->upstreams[i], shared);
	list_reply_end(&list, false, NULL);
}

static void view_told(void *owner, enum err e, const struct scratch_reply *reply)
{
	struct view_call *v = owner;
	struct request *r = v->call.r;

	view_write(r, e ? NULL : reply);
	request_resume(r);
}

static void view_ask(void *owner)
{
	struct view_call *v = owner;
	struct scratch *redis = live_scratch(v->call.r->producer->live);
	const struct scratch_arg args[] = {
		SCRATCH_TEXT("EVAL"), SCRATCH_TEXT(upstream_view_script), SCRATCH_TEXT("0")};

	if (!redis || scratch_send(redis, args, 3, view_told, v) != ERR_OK)
		view_told(v, ERR_SCRATCH, NULL);
}

void upstreams_get(struct request *r)
{
	struct view_call *v = record_call_new(r, sizeof *v);

	if (!v)
		return;
	v->post.fn = view_ask;
	v->post.owner = v;
	request_park(r);
	live_post(r->producer->live, &v->post);
}

/* ---- change ---- */

struct breaker_call {
	struct record_call call; /* first */
	struct live_call post;
	struct audit_actor by;
	const char *kind; /* "model" or "key" */
	char id[PERMIT_ID_MAX], mode[MODE_MAX], ttl_s[24];
};

/* ARGV: id, kind, upstream, label, mode, ttl_s. "auto" is no word at all. */
static const char set_script[] =
	"local id, kind, upstream, label, mode, ttl = unpack(ARGV)\n"
	"local t = redis.call('TIME')\n"
	"local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
	"local ends = mode == 'auto' and 0 or now + ttl * 1000\n"
	"redis.call('HSET', '" PERMIT_GUARD "' .. id, 'kind', kind, 'upstream', upstream,\n"
	"  'label', label, 'mode', mode, 'mode_until', string.format('%.0f', ends))\n"
	"redis.call('EXPIRE', '" PERMIT_GUARD "' .. id, math.max(ttl, " PERMIT_KEEP_S "))\n"
	"redis.call('LPUSH', '" PERMIT_STEPS
	"' .. id, string.format('%.0f %s operator', now, mode))\n"
	"redis.call('LTRIM', '" PERMIT_STEPS "' .. id, 0, " PERMIT_STEPS_N ")\n"
	"redis.call('EXPIRE', '" PERMIT_STEPS "' .. id, " PERMIT_KEEP_S ")\n"
	"redis.call('ZADD', '" PERMIT_GUARDS "', now, id)\n"
	"return string.format('%.0f', ends)\n";

/* A Redis that is full or read-only answers, and takes nothing. */
static void set_failed(struct request *r, const struct scratch_reply *reply)
{
	const char *why = scratch_bytes(reply, NULL);
	char text[WHY_MAX];

	(void)snprintf(text, sizeof text, "breakers are shared through Redis, which refuses: %s",
		why ? why : "");
	request_fail_detail(r, ERR_UNAVAILABLE, why ? text : no_view);
}

static void set_told(void *owner, enum err e, const struct scratch_reply *reply)
{
	struct breaker_call *b = owner;
	struct request *r = b->call.r;
	const char *ends = e ? NULL : scratch_bytes(reply, NULL);
	struct buf *out;

	if (e) {
		set_failed(r, reply);
		request_resume(r);
		return;
	}
	out = reply_json(&r->reply, 200);
	(void)buf_text(out, "{\"object\":\"breaker\",\"upstream\":");
	(void)buf_json(out, r->match.params[0], strlen(r->match.params[0]));
	(void)buf_printf(out, ",\"%s\":", strcmp(b->kind, "key") == 0 ? "label" : "model");
	(void)buf_json(out, r->match.params[1], strlen(r->match.params[1]));
	(void)buf_printf(out, ",\"mode\":\"%s\",\"ttl_s\":%s,", b->mode,
		strcmp(b->mode, "auto") == 0 ? "null" : b->ttl_s);
	job_json_time(out, "until", ends ? strtoll(ends, NULL, 10) : 0);
	(void)buf_char(out, '}');
	request_resume(r);
}

static void set_ask(void *owner)
{
	struct breaker_call *b = owner;
	struct request *r = b->call.r;
	struct scratch *redis = live_scratch(r->producer->live);
	const struct scratch_arg args[] = {SCRATCH_TEXT("EVAL"), SCRATCH_TEXT(set_script),
		SCRATCH_TEXT("0"), SCRATCH_TEXT(b->id), SCRATCH_TEXT(b->kind),
		SCRATCH_TEXT(r->match.params[0]), SCRATCH_TEXT(r->match.params[1]),
		SCRATCH_TEXT(b->mode), SCRATCH_TEXT(b->ttl_s)};

	if (!redis || scratch_send(redis, args, sizeof args / sizeof *args, set_told, b) != ERR_OK)
		set_told(b, ERR_SCRATCH, NULL);
}

/* The audit row stands: now the word itself. */
static void noted_then(struct record_call *call)
{
	struct breaker_call *b = (struct breaker_call *)(void *)call;

	b->post.fn = set_ask;
	b->post.owner = b;
	live_post(call->r->producer->live, &b->post);
}

static void noted(void *ctx, enum err e)
{
	record_batch_end(ctx, e);
}

static enum err note_run(struct db *db, struct record_batch *batch)
{
	const struct breaker_call *b = (struct breaker_call *)(void *)record_call_of(batch);
	struct audit_note note = {.action = "breaker.set", .reason = b->mode};

	(void)digest_unhex(b->id, note.object.bytes, sizeof note.object.bytes);
	return audit_note_write(db, &b->by, &note, noted, batch);
}

const struct record_op breaker_note_op = {"breaker_note", RECORD_SLOW, 1, note_run, NULL};

static const struct config_upstream *configured(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->upstreams_n; i++)
		if (strcmp(c->upstreams[i].name, name) == 0)
			return &c->upstreams[i];
	return NULL;
}

static bool has_label(const struct config *c, const struct config_upstream *u, const char *label)
{
	bool several = false;

	for (size_t i = 0; i < c->upstream_keys_n; i++) {
		if (strcmp(c->upstream_keys[i].upstream, u->name) != 0)
			continue;
		if (strcmp(c->upstream_keys[i].label, label) == 0)
			return true;
		several = true;
	}
	return (!several || u->api_key_file[0]) && strcmp(label, CONFIG_KEY_LABEL) == 0;
}

/* A word on what is never called would do nothing, unseen. Taking one back always may. */
static bool is_of_use(
	struct request *r, const struct breaker_call *b, const struct config_upstream *u)
{
	const struct config *c = r->producer->config;
	const bool key = strcmp(b->kind, "key") == 0;
	const char *name = r->match.params[1];
	const bool pattern = !key && strchr(name, '*');
	struct buf text;
	size_t from;

	if (strcmp(b->mode, "auto") == 0 ||
		(key ? has_label(c, u, name) : config_may_call(c, u, name)))
		return true;
	buf_init(&text, SERVED_MAX);
	if (pattern)
		(void)buf_printf(&text, "%s is a pattern, and one name is meant: there are ", name);
	else
		(void)buf_printf(&text, "%s has no %s called %s: there are ", u->name,
			key ? "key" : "model", name);
	from = text.len;
	if (key)
		upstream_view_labels(&text, c, u);
	else
		(void)config_served(c, u, &text);
	if (text.len == from)
		(void)buf_text(&text, "\"" CONFIG_KEY_LABEL "\""); /* it has no file of a key */
	if (pattern)
		(void)buf_text(&text, "; all models of an upstream stop with its keys");
	request_fail_detail(r, ERR_INVALID_FIELD,
		buf_err(&text) ? "the upstream has no such model or key" : text.bytes);
	buf_clear(&text);
	return false;
}

static bool word_take(struct request *r, struct breaker_call *b)
{
	static const struct json_field fields[] = {{"mode", JSON_IS_STRING, JSON_REQUIRED, 1, 16},
		{"ttl_s", JSON_IS_INTEGER | JSON_IS_NULL, JSON_OPTIONAL, 1, TTL_MAX_S},
		{NULL, 0, JSON_OPTIONAL, 0, 0}};
	json_t *body = request_input_body(r, fields, false);
	const char *mode = json_string_value(json_object_get(body, "mode"));
	const json_t *ttl = json_object_get(body, "ttl_s");
	struct problems p = {0};
	bool fine;

	if (!body)
		return false;
	fine = strcmp(mode, "auto") == 0 || strcmp(mode, "block") == 0 ||
	       strcmp(mode, "allow") == 0;
	if (fine) {
		(void)snprintf(b->mode, sizeof b->mode, "%s", mode);
		(void)snprintf(b->ttl_s, sizeof b->ttl_s, "%lld",
			(long long)(json_is_integer(ttl) ? json_integer_value(ttl) : TTL_USUAL_S));
	} else {
		problems_add(&p, "/mode", "must be auto, block or allow");
		request_fail_with(r, ERR_INVALID_FIELD, &p);
	}
	json_decref(body);
	return fine;
}

static void put(struct request *r, const char *kind)
{
	const struct config_upstream *upstream =
		configured(r->producer->config, r->match.params[0]);
	struct breaker_call *b = record_call_new(r, sizeof *b);

	if (!b || !word_take(r, b))
		return;
	if (!upstream) {
		request_fail(r, ERR_NOT_FOUND);
		return;
	}
	b->by = request_actor(r);
	b->kind = kind;
	if (!is_of_use(r, b, upstream))
		return;
	if (!r->producer->config->redis.limits_url[0]) {
		request_fail_detail(r, ERR_CONFLICT, never_view);
		return;
	}
	permit_id(kind, r->match.params[0], r->match.params[1], b->id);
	b->call.then = noted_then;
	record_call_start(&b->call, &breaker_note_op);
}

void breaker_put(struct request *r)
{
	put(r, "model");
}

void key_breaker_put(struct request *r)
{
	put(r, "key");
}
