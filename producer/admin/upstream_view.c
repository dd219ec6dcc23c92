#include "admin/upstream_view.h"

#include "domain/permit_keys.h"
#include "jobs/job_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATE_MAX = 16, WHY_MAX = 32 };

const char upstream_view_script[] =
	"local t = redis.call('TIME')\n"
	"redis.call('SET', '" PERMIT_ASKED "', t[1], 'EX', 60)\n"
	"local guards, paces = {}, {}\n"
	"for i, id in ipairs(redis.call('ZREVRANGE', '" PERMIT_GUARDS "', 0, 499)) do\n"
	"  guards[i] = {redis.call('HGETALL', '" PERMIT_GUARD "' .. id),\n"
	"    redis.call('LRANGE', '" PERMIT_STEPS "' .. id, 0, 19)}\n"
	"end\n"
	"for i, id in ipairs(redis.call('ZREVRANGE', '" PERMIT_PACES "', 0, 499)) do\n"
	"  paces[i] = {redis.call('HGETALL', '" PERMIT_PACE "' .. id),\n"
	"    redis.call('HGETALL', '" PERMIT_LOAD "' .. id)}\n"
	"end\n"
	"return {t[1] * 1000 + math.floor(t[2] / 1000), guards, paces}\n";

/* ---- fields ---- */

static const char *field(const struct scratch_reply *hash, const char *name)
{
	for (size_t i = 0; i + 1 < scratch_count(hash); i += 2) {
		const char *at = scratch_bytes(scratch_item(hash, i), NULL);

		if (at && strcmp(at, name) == 0)
			return scratch_bytes(scratch_item(hash, i + 1), NULL);
	}
	return NULL;
}

static double number(const struct scratch_reply *hash, const char *name)
{
	const char *text = field(hash, name);

	return text ? strtod(text, NULL) : 0;
}

static bool is(const struct scratch_reply *hash, const char *name, const char *value)
{
	const char *text = field(hash, name);

	return text && strcmp(text, value) == 0;
}

static void put_time(struct buf *out, const char *name, double at_ms, double now_ms)
{
	(void)buf_char(out, ',');
	job_json_time(out, name, at_ms > now_ms ? (int64_t)at_ms : 0);
}

/* ---- breakers and keys ---- */

static void put_step(struct buf *out, const char *step)
{
	long long at_ms = 0;
	char state[STATE_MAX] = "", why[WHY_MAX] = "";

	if (!step || sscanf(step, "%lld %15s %31s", &at_ms, state, why) != 3)
		return;
	(void)buf_char(out, '{');
	job_json_time(out, "at", at_ms);
	job_json_text(out, "state", state);
	job_json_text(out, "reason", why);
	(void)buf_char(out, '}');
}

static void put_steps(struct buf *out, const struct scratch_reply *steps)
{
	(void)buf_text(out, ",\"history\":[");
	for (size_t i = 0; i < scratch_count(steps); i++) {
		if (i)
			(void)buf_char(out, ',');
		put_step(out, scratch_bytes(scratch_item(steps, i), NULL));
	}
	(void)buf_char(out, ']');
}

static void put_guard(
	struct buf *out, const char *label, const struct scratch_reply *guard, double now_ms)
{
	const struct scratch_reply *hash = scratch_item(guard, 0);
	const bool by_hand = number(hash, "mode_until") > now_ms;
	const char *text = field(hash, "label"), *state = field(hash, "state");

	(void)buf_printf(out, "{\"%s\":", label);
	(void)buf_json(out, text ? text : "", text ? strlen(text) : 0);
	job_json_text(out, "state", state ? state : "closed");
	(void)buf_printf(out, ",\"opened\":%.0f,\"stage\":%.0f,\"succeeded\":%.0f,\"failed\":%.0f",
		number(hash, "opened"), number(hash, "stage"),
		number(hash, "ok") + number(hash, "ok_before"),
		number(hash, "bad") + number(hash, "bad_before"));
	put_time(out, "until", number(hash, "until"), now_ms);
	job_json_text(out, "mode", by_hand ? field(hash, "mode") : "auto");
	put_time(out, "mode_until", number(hash, "mode_until"), now_ms);
	put_steps(out, scratch_item(guard, 1));
	(void)buf_char(out, '}');
}

static void put_guards(
	struct buf *out, const char *upstream, const char *kind, const struct scratch_reply *shared)
{
	const double now_ms = (double)scratch_int(scratch_item(shared, 0));
	const struct scratch_reply *guards = scratch_item(shared, 1);
	bool any = false;

	for (size_t i = 0; i < scratch_count(guards); i++) {
		const struct scratch_reply *guard = scratch_item(guards, i);
		const struct scratch_reply *hash = scratch_item(guard, 0);

		if (!is(hash, "kind", kind) || !is(hash, "upstream", upstream))
			continue;
		if (any)
			(void)buf_char(out, ',');
		put_guard(out, strcmp(kind, "key") == 0 ? "label" : "model", guard, now_ms);
		any = true;
	}
}

/* ---- pacing ---- */

/* A sum over workers; of none it is not known, which is no zero. */
static void put_sum(struct buf *out, const char *name, long long sum, long long workers)
{
	if (workers)
		(void)buf_printf(out, ",\"%s\":%lld", name, sum);
	else
		(void)buf_printf(out, ",\"%s\":null", name);
}

/* Workers tell their load with each exchange; what is older is of a worker that left, or that has
 * called nobody since. */
static void put_load(struct buf *out, const struct scratch_reply *load, double now_ms)
{
	enum { GONE_MS = 10000 };
	long long calls = 0, limit = 0, waiting = 0, retries = 0, workers = 0;

	for (size_t i = 0; i + 1 < scratch_count(load); i += 2) {
		const char *text = scratch_bytes(scratch_item(load, i + 1), NULL);
		long long of_calls, of_limit, of_waiting, of_retries;
		double at_ms;

		if (!text || sscanf(text, "%lld %lld %lld %lld %lf", &of_calls, &of_limit,
				     &of_waiting, &of_retries, &at_ms) != 5)
			continue;
		if (now_ms - at_ms > GONE_MS)
			continue;
		workers++;
		calls += of_calls;
		limit += of_limit;
		waiting += of_waiting;
		retries += of_retries;
	}
	(void)buf_printf(out, ",\"workers\":%lld,\"in_flight\":%lld,\"waiting\":%lld", workers,
		calls, waiting);
	put_sum(out, "in_flight_limit", limit, workers);
	put_sum(out, "retries_left", retries, workers);
}

/* The level as it is by now: it was written with the last exchange. */
static void put_bucket(
	struct buf *out, const char *name, const struct scratch_reply *pace, double now_ms)
{
	char at[64];
	double per_minute, capacity, level;

	(void)snprintf(at, sizeof at, "%s_pm", name);
	per_minute = number(pace, at);
	(void)snprintf(at, sizeof at, "%s_cap", name);
	capacity = number(pace, at);
	if (per_minute <= 0) {
		(void)buf_printf(out, ",\"%s\":null", name);
		return;
	}
	level = number(pace, name) + (now_ms - number(pace, "at")) * per_minute / 60000;
	(void)snprintf(at, sizeof at, "%s_by", name);
	(void)buf_printf(out,
		",\"%s\":{\"level\":%.1f,\"capacity\":%.1f,\"per_minute\":%.1f,\"from\":\"%s\"}",
		name, level < capacity ? level : capacity, capacity, per_minute,
		is(pace, at, "config") ? "config" : "headers");
}

static void put_pace(struct buf *out, const struct scratch_reply *pace, double now_ms)
{
	const struct scratch_reply *hash = scratch_item(pace, 0);
	const char *model = field(hash, "model");

	(void)buf_text(out, "{\"model\":");
	(void)buf_json(out, model ? model : "", model ? strlen(model) : 0);
	job_json_text(out, "key", field(hash, "key"));
	put_bucket(out, "requests", hash, now_ms);
	put_bucket(out, "tokens", hash, now_ms);
	put_time(out, "not_before", number(hash, "floor"), now_ms);
	put_load(out, scratch_item(pace, 1), now_ms);
	(void)buf_char(out, '}');
}

static void put_paces(struct buf *out, const char *upstream, const struct scratch_reply *shared)
{
	const double now_ms = (double)scratch_int(scratch_item(shared, 0));
	const struct scratch_reply *paces = scratch_item(shared, 2);
	bool any = false;

	for (size_t i = 0; i < scratch_count(paces); i++) {
		const struct scratch_reply *pace = scratch_item(paces, i);

		if (!is(scratch_item(pace, 0), "upstream", upstream))
			continue;
		if (any)
			(void)buf_char(out, ',');
		put_pace(out, pace, now_ms);
		any = true;
	}
}

/* ---- the whole ---- */

void upstream_view_labels(struct buf *out, const struct config *c, const struct config_upstream *u)
{
	bool any = u->api_key_file[0] != '\0';

	if (any)
		(void)buf_text(out, "\"" CONFIG_KEY_LABEL "\"");
	for (size_t i = 0; i < c->upstream_keys_n; i++) {
		const struct config_upstream_key *key = &c->upstream_keys[i];

		if (strcmp(key->upstream, u->name) != 0)
			continue;
		(void)buf_text(out, any ? "," : "");
		(void)buf_json(out, key->label, strlen(key->label));
		any = true;
	}
}

static void put_config(struct buf *out, const struct config *c, const struct config_upstream *u)
{
	(void)buf_text(out, "{\"object\":\"upstream\",\"name\":");
	(void)buf_json(out, u->name, strlen(u->name));
	job_json_text(out, "base_url", u->base_url);
	job_json_text(out, "dialect", u->dialect);
	(void)buf_printf(out, ",\"stream\":%s,\"max_in_flight\":%lld,\"models\":[",
		u->stream ? "true" : "false", (long long)u->max_in_flight);
	for (size_t i = 0; i < u->models.n; i++) {
		if (i)
			(void)buf_char(out, ',');
		(void)buf_json(out, u->models.items[i], strlen(u->models.items[i]));
	}
	(void)buf_text(out, "],\"key_labels\":[");
	upstream_view_labels(out, c, u);
	(void)buf_char(out, ']');
}

void upstream_view_put(struct buf *out, const struct config *c, const struct config_upstream *u,
	const struct scratch_reply *shared)
{
	put_config(out, c, u);
	(void)buf_printf(out, ",\"shared\":%s,\"breakers\":[", shared ? "true" : "false");
	put_guards(out, u->name, "model", shared);
	(void)buf_text(out, "],\"keys\":[");
	put_guards(out, u->name, "key", shared);
	(void)buf_text(out, "],\"pacing\":[");
	put_paces(out, u->name, shared);
	(void)buf_text(out, "]}");
}
