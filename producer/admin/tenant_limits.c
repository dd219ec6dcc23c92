#include "admin/tenant_limits.h"

#include "admin/tenant_call.h"
#include "producer.h"
#include "request_input.h"
#include "stores/tenant_limit.h"

static void told(void *ctx, enum err e, const struct tenant_limit *limit)
{
	struct record_batch *batch = ctx;
	struct tenant_call *t = tenant_call_of(batch);

	if (!e)
		(void)buf_printf(reply_json(&t->call.r->reply, 200),
			"{\"object\":\"tenant_limits\",\"tenant\":\"%s\",\"weight\":%d"
			",\"max_running\":%d,\"max_queued\":%lld}",
			t->name, (int)limit->weight, (int)limit->max_running,
			(long long)limit->max_queued);
	record_batch_end(batch, e);
}

static enum err read_run(struct db *db, struct record_batch *batch)
{
	return tenant_limit_get(db, tenant_call_of(batch)->tenant, told, batch);
}

static enum err change_run(struct db *db, struct record_batch *batch)
{
	const struct tenant_call *t = tenant_call_of(batch);
	const json_t *weight = json_object_get(t->body, "weight");
	const json_t *running = json_object_get(t->body, "max_running");
	const json_t *queued = json_object_get(t->body, "max_queued");
	const struct tenant_limit_change change = {
		.has_weight = weight != NULL,
		.weight = json_is_null(weight) ? 1 : (int32_t)json_integer_value(weight),
		.has_max_running = running != NULL,
		.max_running = (int32_t)json_integer_value(running),
		.has_max_queued = queued != NULL,
		.max_queued = json_integer_value(queued),
	};

	return tenant_limit_patch(db, t->tenant, &change, &t->by, told, batch);
}

const struct record_op limits_read_op = {"limits_read", RECORD_SLOW, 1, read_run, NULL};
const struct record_op limits_change_op = {"limits_change", RECORD_SLOW, 1, change_run, NULL};

static void changed(struct record_call *call)
{
	request_resume(call->r);
}

static void tenant_found(struct record_call *call)
{
	const struct tenant_call *t = (struct tenant_call *)(void *)call;

	call->then = t->body ? changed : NULL;
	record_call_again(call, t->body ? &limits_change_op : &limits_read_op);
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
	json_t *body = request_input_body(r, fields, false);

	if (body)
		tenant_call_begin(r, r->match.params[0], body, tenant_found);
}
