#include "admin/tenant_limits.h"

#include "admin/tenant_call.h"
#include "producer.h"
#include "request_input.h"
#include "stores/tenant_limit.h"

static void members_put(struct buf *out, const struct tenant_limit *limit)
{
	(void)buf_printf(out, "\"weight\":%d,\"max_running\":%d,\"max_queued\":%lld",
		(int)limit->weight, (int)limit->max_running, (long long)limit->max_queued);
}

/* What stands, or would, without the closing brace. */
static struct buf *head_put(struct tenant_call *t, const struct tenant_limit *limit)
{
	struct buf *out = reply_json(&t->call.r->reply, 200);

	(void)buf_printf(out, "{\"object\":\"tenant_limits\",\"tenant\":\"%s\",", t->name);
	members_put(out, limit);
	return out;
}

static void told(void *ctx, enum err e, const struct tenant_limit *limit)
{
	struct record_batch *batch = ctx;
	struct tenant_call *t = tenant_call_of(batch);

	if (!e)
		(void)buf_char(head_put(t, limit), '}');
	record_batch_end(batch, e);
}

static enum err read_run(struct db *db, struct record_batch *batch)
{
	return tenant_limit_get(db, tenant_call_of(batch)->tenant, told, batch);
}

static struct tenant_limit_change change_of(const json_t *body)
{
	const json_t *weight = json_object_get(body, "weight");
	const json_t *running = json_object_get(body, "max_running");
	const json_t *queued = json_object_get(body, "max_queued");

	return (struct tenant_limit_change){
		.has_weight = weight != NULL,
		.weight = json_is_null(weight) ? 1 : (int32_t)json_integer_value(weight),
		.has_max_running = running != NULL,
		.max_running = (int32_t)json_integer_value(running),
		.has_max_queued = queued != NULL,
		.max_queued = json_integer_value(queued),
	};
}

static enum err change_run(struct db *db, struct record_batch *batch)
{
	const struct tenant_call *t = tenant_call_of(batch);
	const struct tenant_limit_change change = change_of(t->body);

	return tenant_limit_patch(db, t->tenant, &change, &t->by, told, batch);
}

/* ---- what it would do ---- */

static void tried(void *ctx, enum err e, const struct tenant_limit_trial *trial)
{
	struct record_batch *batch = ctx;
	struct buf *out;

	if (!e) {
		out = head_put(tenant_call_of(batch), &trial->after);
		(void)buf_text(out, ",\"before\":{");
		members_put(out, &trial->before);
		(void)buf_printf(out,
			"},\"queued\":%lld,\"waiting\":%lld,\"running\":%lld,\"dry_run\":true}",
			(long long)trial->queued, (long long)trial->waiting,
			(long long)trial->running);
	}
	record_batch_end(batch, e);
}

static enum err try_run(struct db *db, struct record_batch *batch)
{
	const struct tenant_call *t = tenant_call_of(batch);
	const struct tenant_limit_change change = change_of(t->body);

	return tenant_limit_try(db, t->tenant, &change, tried, batch);
}

const struct record_op limits_read_op = {"limits_read", RECORD_SLOW, 1, read_run, NULL};
const struct record_op limits_try_op = {"limits_try", RECORD_SLOW, 1, try_run, NULL};
const struct record_op limits_change_op = {"limits_change", RECORD_SLOW, 1, change_run, NULL};

static void changed(struct record_call *call)
{
	request_resume(call->r);
}

static void tenant_found(struct record_call *call)
{
	const struct tenant_call *t = (struct tenant_call *)(void *)call;
	const bool dry = t->body && request_input_is_dry(call->r), sets = t->body && !dry;

	call->then = sets ? changed : NULL;
	record_call_again(call, sets ? &limits_change_op : dry ? &limits_try_op : &limits_read_op);
}

void limits_get(struct request *r)
{
	tenant_call_begin(r, r->match.params[0], NULL, tenant_found);
}

void limits_patch(struct request *r)
{
	static const struct json_field fields[] = {
		{"weight", JSON_IS_INTEGER | JSON_IS_NULL, JSON_OPTIONAL, 1, 1000},
		{"max_running", JSON_IS_INTEGER | JSON_IS_NULL, JSON_OPTIONAL, 0, INT32_MAX},
		{"max_queued", JSON_IS_INTEGER | JSON_IS_NULL, JSON_OPTIONAL, 0, INT64_MAX / 2},
		{NULL, 0, JSON_OPTIONAL, 0, 0}};
	json_t *body = request_input_dry(r) ? request_input_body(r, fields, false) : NULL;

	if (body)
		tenant_call_begin(r, r->match.params[0], body, tenant_found);
}
