#include "limits/tenant_plan.h"

#include "admin/tenant_call.h"
#include "admin/tenants.h"
#include "jobs/job_json.h"
#include "limits/plans.h"
#include "producer.h"
#include "request_input.h"
#include "stores/limit_plan.h"

#include <stdio.h>
#include <string.h>

static struct tenant_call *of(const struct record_batch *batch)
{
	return (struct tenant_call *)(void *)record_call_of(batch);
}

static void plan_put(struct tenant_call *t, const char *plan, const char *before, bool dry_run)
{
	struct buf *out = reply_json(&t->call.r->reply, 200);

	(void)buf_printf(out, "{\"object\":\"tenant_plan\",\"tenant\":\"%s\"", t->name);
	job_json_text(out, "plan", plan);
	if (t->body) {
		job_json_text(out, "before", before);
		(void)buf_printf(out, ",\"dry_run\":%s", dry_run ? "true" : "false");
	}
	(void)buf_char(out, '}');
}

static const char *wanted(const struct tenant_call *t)
{
	return json_string_value(json_object_get(t->body, "plan"));
}

static void told(void *ctx, enum err e, const char *plan)
{
	struct record_batch *batch = ctx;
	struct tenant_call *t = of(batch);

	if (!e)
		plan_put(t, t->body ? wanted(t) : plan, plan, request_input_is_dry(t->call.r));
	record_batch_end(batch, e);
}

static enum err read_run(struct db *db, struct record_batch *batch)
{
	return limit_tenant_get(db, of(batch)->tenant, told, batch);
}

/* A plan that is not there is no plan of its own, and the tenant is: said in other words. */
static void set(void *ctx, enum err e, const char *before)
{
	told(ctx, e == ERR_NOT_FOUND ? ERR_CONFLICT : e, before);
}

static enum err change_run(struct db *db, struct record_batch *batch)
{
	const struct tenant_call *t = of(batch);

	return limit_tenant_set(db, t->tenant, wanted(t), &t->by, set, batch);
}

static enum err try_run(struct db *db, struct record_batch *batch)
{
	const struct tenant_call *t = of(batch);

	return limit_tenant_try(db, t->tenant, wanted(t), set, batch);
}

const struct record_op tenant_plan_try_op = {"tenant_plan_try", RECORD_SLOW, 1, try_run, NULL};
const struct record_op tenant_plan_read_op = {"tenant_plan_read", RECORD_SLOW, 1, read_run, NULL};
const struct record_op tenant_plan_change_op = {
	"tenant_plan_change", RECORD_SLOW, 1, change_run, NULL};

static void changed(struct record_call *call)
{
	plans_hurry(call->r->producer->plans);
	request_resume(call->r);
}

static void tenant_found(struct record_call *call)
{
	const struct tenant_call *t = (struct tenant_call *)(void *)call;
	const bool dry = t->body && request_input_is_dry(call->r), sets = t->body && !dry;

	call->then = sets ? changed : NULL;
	record_call_again(call, sets  ? &tenant_plan_change_op
				: dry ? &tenant_plan_try_op
				      : &tenant_plan_read_op);
}

static void begin(struct request *r, json_t *body)
{
	struct tenant_call *t = tenant_call_new(r, r->match.params[0]);

	if (!t) {
		json_decref(body);
		return;
	}
	t->body = body;
	t->call.then = tenant_found;
	t->call.conflict = "there is no limit in a plan of this name";
	record_call_start(&t->call, &tenant_find_op);
}

void tenant_plan_get(struct request *r)
{
	static const struct query_field no_fields[] = {{NULL, QUERY_TEXT, 0, 0}};

	if (request_input_query(r, no_fields))
		begin(r, NULL);
}

void tenant_plan_put(struct request *r)
{
	static const struct json_field fields[] = {
		{"plan", JSON_IS_STRING | JSON_IS_NULL, JSON_REQUIRED, 1, LIMIT_PLAN_MAX},
		{NULL, 0, JSON_OPTIONAL, 0, 0}};
	json_t *body = request_input_dry(r) ? request_input_body(r, fields, false) : NULL;

	if (body)
		begin(r, body);
}
