#include "limits/limit_calls.h"

#include "jobs/job_json.h"
#include "limits/plans.h"
#include "producer.h"
#include "record_call.h"
#include "request_input.h"
#include "stores/limit_plan.h"

#include <stdio.h>
#include <string.h>

static const struct query_field no_fields[] = {{NULL, QUERY_TEXT, 0, 0}};

struct limit_call {
	struct record_call call; /* first */
	struct limit_change change;
	char plan[ROUTE_PARAM_MAX], role[ROUTE_PARAM_MAX], version[LIMIT_VERSION_MAX];
	char why[LIMIT_WHY_MAX]; /* it contradicts; "" = nothing */
};

static struct limit_call *of(const struct record_batch *batch)
{
	return (struct limit_call *)(void *)record_call_of(batch);
}

/* ---- writing ---- */

static void members_put(struct buf *out, enum limit_level level, const struct request_limit *limit)
{
	(void)buf_printf(out, "\"%s\":%lld,\"window_s\":%d,\"burst\":%lld}",
		limit_level_counts(level), (long long)limit->amount, (int)limit->window_s,
		(long long)limit->burst);
}

static void limit_put(struct buf *out, enum limit_level level, const struct request_limit *limit)
{
	(void)buf_char(out, '{');
	members_put(out, level, limit);
}

static void name_put(struct buf *out, const struct limit_row *row)
{
	(void)buf_printf(out, "{\"object\":\"limit\",\"plan\":%s%s%s,\"level\":\"%s%s%s\",",
		row->plan ? "\"" : "", row->plan ? row->plan : "null", row->plan ? "\"" : "",
		limit_level_text(row->level), row->role[0] ? ":" : "", row->role);
}

static void row_put(struct buf *out, const struct limit_row *row)
{
	name_put(out, row);
	members_put(out, row->level, &row->limit);
}

/* ---- see ---- */

/* What the configuration says comes last, as limits of no plan. */
static void configured_put(struct buf *out, const struct config *config, bool any)
{
	for (size_t i = 0; i < LIMIT_REQUEST_LEVELS; i++) {
		const struct limit_row row = {.level = (enum limit_level)i,
			.role = "",
			.limit = plans_configured(config, (enum limit_level)i)};

		if (!row.limit.amount)
			continue;
		if (any)
			(void)buf_char(out, ',');
		row_put(out, &row);
		any = true;
	}
}

static void listed(
	void *ctx, enum err e, const struct limit_row *rows, size_t n, const char *version)
{
	struct record_batch *batch = ctx;
	struct request *r = of(batch)->call.r;
	struct buf *out = reply_json(&r->reply, 200);

	(void)buf_text(out, "{\"object\":\"list\",\"data\":[");
	for (size_t i = 0; !e && i < n; i++) {
		if (i)
			(void)buf_char(out, ',');
		row_put(out, &rows[i]);
	}
	configured_put(out, r->producer->config, n > 0);
	(void)buf_text(out, "],\"has_more\":false,\"next\":null}");
	record_batch_end(batch, e);
}

static enum err list_run(struct db *db, struct record_batch *batch)
{
	return limit_plan_list(db, listed, batch);
}

const struct record_op request_limits_list_op = {"request_limits", RECORD_SLOW, 1, list_run, NULL};

void request_limits_get(struct request *r)
{
	struct limit_call *c;

	if (request_input_query(r, no_fields) && (c = record_call_new(r, sizeof *c)))
		record_call_start(&c->call, &request_limits_list_op);
}

/* ---- change a plan ---- */

static void effect_put(struct limit_call *c, const struct limit_effect *effect)
{
	struct buf *out = reply_json(&c->call.r->reply, 200);

	name_put(out, &c->change.row);
	(void)buf_text(out, "\"before\":");
	if (effect->was)
		limit_put(out, c->change.row.level, &effect->before);
	else
		(void)buf_text(out, "null");
	(void)buf_text(out, ",\"after\":");
	if (c->change.remove)
		(void)buf_text(out, "null");
	else
		limit_put(out, c->change.row.level, &c->change.row.limit);
	(void)buf_printf(out, ",\"tenants\":%lld,\"dry_run\":%s}", (long long)effect->tenants,
		c->change.dry_run ? "true" : "false");
}

static void changed(void *ctx, enum err e, const struct limit_effect *effect)
{
	struct record_batch *batch = ctx;
	struct limit_call *c = of(batch);

	if (!e)
		effect_put(c, effect);
	if (!e && !c->change.dry_run)
		plans_hurry(c->call.r->producer->plans);
	record_batch_end(batch, e);
}

static enum err change_run(struct db *db, struct record_batch *batch)
{
	return limit_plan_change(db, &of(batch)->change, changed, batch);
}

const struct record_op request_limit_change_op = {
	"request_limit_change", RECORD_SLOW, 1, change_run, NULL};

/* ---- judged by all others first ---- */

static void judged(
	void *ctx, enum err e, const struct limit_row *rows, size_t n, const char *version)
{
	struct record_batch *batch = ctx;
	struct limit_call *c = of(batch);
	struct request_limit configured[LIMIT_LEVELS];
	const struct limit_rows all = {rows, n, configured};
	struct limit_clash clash;

	for (size_t i = 0; i < LIMIT_LEVELS; i++)
		configured[i] = plans_configured(c->call.r->producer->config, (enum limit_level)i);
	if (!e)
		(void)snprintf(c->version, sizeof c->version, "%s", version);
	if (!e && limit_contradicts(&all, &c->change.row, c->change.remove, &clash))
		limit_clash_tell(&clash, c->why);
	record_batch_end(batch, e);
}

static enum err judge_run(struct db *db, struct record_batch *batch)
{
	return limit_plan_list(db, judged, batch);
}

const struct record_op request_limits_judge_op = {
	"request_limits_judge", RECORD_SLOW, 1, judge_run, NULL};

static void contradicts(struct limit_call *c)
{
	struct problems p = {0};
	char pointer[32];

	if (c->change.remove) {
		request_fail_detail(c->call.r, ERR_CONFLICT, c->why);
	} else {
		(void)snprintf(
			pointer, sizeof pointer, "/%s", limit_level_counts(c->change.row.level));
		problems_add(&p, pointer, "%s", c->why);
		request_fail_with(c->call.r, ERR_INVALID_FIELD, &p);
	}
	request_resume(c->call.r);
}

static void judged_then(struct record_call *call)
{
	struct limit_call *c = (struct limit_call *)(void *)call;

	if (c->why[0]) {
		contradicts(c);
		return;
	}
	call->then = NULL;
	record_call_again(call, &request_limit_change_op);
}

/* What the path names; NULL: the request was answered. */
static struct limit_call *change_new(struct request *r)
{
	struct limit_call *c = request_input_dry(r) ? record_call_new(r, sizeof *c) : NULL;
	const char *role;
	const enum limit_level level = limit_level_parse(r->match.params[1], &role);

	if (!c)
		return NULL;
	(void)snprintf(c->plan, sizeof c->plan, "%s", r->match.params[0]);
	(void)snprintf(c->role, sizeof c->role, "%s", role);
	c->change = (struct limit_change){.row = {.plan = c->plan, .level = level, .role = c->role},
		.dry_run = request_input_is_dry(r),
		.version = c->version,
		.by = record_call_actor(&c->call)};
	c->call.then = judged_then;
	c->call.conflict =
		"there are as many limits as there may be, or they were changed meanwhile";
	return c;
}

/* NULL: it can be written. */
static const char *name_fault(const struct limit_row *row)
{
	if (!limit_plan_is_right(row->plan))
		return "a plan's name must be 1 to 64 of a-z, 0-9, - _ and .";
	if (row->level == LIMIT_LEVELS)
		return "the level must be global, tenant, ip, user, role:NAME, tokens, tokens:global, "
		       "tokens:user or tokens:role:NAME";
	if (limit_level_has_roles(row->level) && !role_name_is_right(row->role))
		return "the level must name a role: role:NAME";
	if ((row->level == LIMIT_GLOBAL || row->level == LIMIT_TOKENS_GLOBAL) &&
		strcmp(row->plan, LIMIT_PLAN_DEFAULT) != 0)
		return "what all tenants share is a limit of the plan default alone";
	return NULL;
}

static void change_start(struct limit_call *c)
{
	const char *fault = name_fault(&c->change.row);

	if (fault)
		request_fail_detail(c->call.r, ERR_INVALID_FIELD, fault);
	else
		record_call_start(&c->call, &request_limits_judge_op);
}

static bool limit_read(
	struct request *r, const json_t *body, enum limit_level level, struct request_limit *ret)
{
	const json_t *burst = json_object_get(body, "burst");
	const char *member, *fault;
	struct problems p = {0};
	char pointer[32];

	ret->amount = json_integer_value(json_object_get(body, limit_level_counts(level)));
	ret->window_s = (int32_t)json_integer_value(json_object_get(body, "window_s"));
	ret->burst = burst ? json_integer_value(burst) : ret->amount ? ret->amount : 1;
	fault = request_limit_fault(level, ret, &member);
	if (!fault)
		return true;
	(void)snprintf(pointer, sizeof pointer, "/%s", member);
	problems_add(&p, pointer, "%s", fault);
	request_fail_with(r, ERR_INVALID_FIELD, &p);
	return false;
}

void request_limit_put(struct request *r)
{
	const char *role;
	const enum limit_level level = limit_level_parse(r->match.params[1], &role);
	const struct json_field fields[] = {
		{limit_level_counts(level), JSON_IS_INTEGER, JSON_REQUIRED, 0, INT32_MAX},
		{"window_s", JSON_IS_INTEGER, JSON_REQUIRED, 1, LIMIT_WINDOW_MAX_S},
		{"burst", JSON_IS_INTEGER, JSON_OPTIONAL, 1, INT32_MAX},
		{NULL, 0, JSON_OPTIONAL, 0, 0}};
	json_t *body = request_input_body(r, fields, false);
	struct limit_call *c = body ? change_new(r) : NULL;

	if (c && limit_read(r, body, level, &c->change.row.limit))
		change_start(c);
	json_decref(body);
}

void request_limit_delete(struct request *r)
{
	struct limit_call *c = change_new(r);

	if (!c)
		return;
	c->change.remove = true;
	c->call.missing = "the plan says nothing of this level: longhaul limit list shows of which";
	change_start(c);
}
