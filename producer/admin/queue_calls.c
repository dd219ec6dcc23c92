#include "admin/queue_calls.h"

#include "jobs/job_json.h"
#include "producer.h"
#include "queues.h"
#include "record_call.h"
#include "request_input.h"
#include "stores/queue.h"

#include <stdio.h>
#include <string.h>

enum { QUEUE_TIME_MAX_S = 366 * 86400 };

struct queue_call {
	struct record_call call; /* first */
	struct audit_actor by;
	char name[ROUTE_PARAM_MAX];
	bool one; /* a reading: only this queue */
	bool create;
	struct queue_change change;
};

static struct queue_call *of(const struct record_batch *batch)
{
	return (struct queue_call *)(void *)record_call_of(batch);
}

static void queue_put(struct buf *out, const struct queue *q)
{
	(void)buf_printf(out,
		"{\"object\":\"queue\",\"name\":\"%s\",\"concurrency\":%d,\"max_queued\":%lld"
		",\"weight\":%d,\"rate\":%g,\"paused\":%s,\"draining\":%s",
		q->name, (int)q->concurrency, (long long)q->max_queued, (int)q->weight, q->rate,
		q->paused ? "true" : "false", q->draining ? "true" : "false");
	(void)buf_printf(out, ",\"version\":%lld", (long long)q->version);
	(void)buf_printf(out, ",\"max_age_s\":%d,\"attempt_timeout_s\":%d,\"deadline_s\":%d",
		(int)q->max_age_s, (int)q->attempt_timeout_s, (int)q->deadline_s);
	(void)buf_printf(out,
		",\"queued\":%lld,\"waiting\":%lld,\"running\":%lld,\"free_slots\":%lld,"
		"\"drain_rate\":%.3f,",
		(long long)q->queued, (long long)q->waiting, (long long)q->running,
		(long long)q->free_slots, q->drain_rate);
	job_json_time(out, "oldest_at", q->oldest_ms);
	(void)buf_char(out, ',');
	job_json_time(out, "counted_at", q->counted_ms);
	(void)buf_char(out, '}');
}

/* ---- see ---- */

static enum err list_put(struct queue_call *c, const struct queue *queues, size_t n)
{
	struct buf *out = reply_json(&c->call.r->reply, 200);
	bool any = false;

	if (!c->one)
		(void)buf_text(out, "{\"object\":\"list\",\"data\":[");
	for (size_t i = 0; i < n; i++) {
		if (c->one && strcmp(queues[i].name, c->name) != 0)
			continue;
		if (any)
			(void)buf_char(out, ',');
		queue_put(out, &queues[i]);
		any = true;
	}
	if (!c->one)
		(void)buf_text(out, "],\"has_more\":false,\"next\":null}");
	return c->one && !any ? ERR_NOT_FOUND : ERR_OK;
}

static void listed(void *ctx, enum err e, const struct queue *queues, size_t n)
{
	struct record_batch *batch = ctx;

	if (!e)
		e = list_put(of(batch), queues, n);
	record_batch_end(batch, e);
}

static enum err list_run(struct db *db, struct record_batch *batch)
{
	return queue_list(db, listed, batch);
}

const struct record_op queue_list_op = {"queue_list", RECORD_SLOW, 1, list_run, NULL};

static struct queue_call *queue_call_new(struct request *r)
{
	struct queue_call *c = record_call_new(r, sizeof *c);

	if (!c)
		return NULL;
	c->by = record_call_actor(&c->call);
	(void)snprintf(c->name, sizeof c->name, "%s", r->match.params[0]);
	c->change.name = c->name;
	return c;
}

void queues_get(struct request *r)
{
	struct queue_call *c = queue_call_new(r);

	if (c)
		record_call_start(&c->call, &queue_list_op);
}

void queue_get(struct request *r)
{
	struct queue_call *c = queue_call_new(r);

	if (!c)
		return;
	c->one = true;
	record_call_start(&c->call, &queue_list_op);
}

/* ---- change ---- */

static void patched(void *ctx, enum err e, const struct queue *queues, size_t n)
{
	struct record_batch *batch = ctx;
	struct queue_call *c = of(batch);

	if (!e && n == 0)
		e = ERR_NOT_FOUND;
	if (!e) {
		queues_refresh(c->call.r->producer->queues);
		queues_learn(c->call.r->producer->queues, queues);
		queue_put(reply_json(&c->call.r->reply, 200), queues);
	}
	record_batch_end(batch, e);
}

static enum err patch_run(struct db *db, struct record_batch *batch)
{
	const struct queue_call *c = of(batch);

	return queue_patch(db, &c->change, c->create, &c->by, patched, batch);
}

const struct record_op queue_patch_op = {"queue_patch", RECORD_SLOW, 1, patch_run, NULL};

static bool name_is_fine(const char *name)
{
	size_t n = strlen(name);
	const char *others = "abcdefghijklmnopqrstuvwxyz0123456789._-";

	return n > 0 && n <= QUEUE_NAME_MAX && strspn(name, others) == n && !strchr("._-", name[0]);
}

static void times_take(struct queue_change *change, const json_t *body)
{
	const json_t *age = json_object_get(body, "max_age_s");
	const json_t *attempt = json_object_get(body, "attempt_timeout_s");
	const json_t *deadline = json_object_get(body, "deadline_s");

	change->has_max_age_s = age != NULL;
	change->max_age_s = (int32_t)json_integer_value(age);
	change->has_attempt_timeout_s = attempt != NULL;
	change->attempt_timeout_s = (int32_t)json_integer_value(attempt);
	change->has_deadline_s = deadline != NULL;
	change->deadline_s = (int32_t)json_integer_value(deadline);
}

static void change_take(struct queue_change *change, const json_t *body)
{
	const json_t *concurrency = json_object_get(body, "concurrency");
	const json_t *max_queued = json_object_get(body, "max_queued");
	const json_t *weight = json_object_get(body, "weight");
	const json_t *rate = json_object_get(body, "rate");

	change->has_concurrency = concurrency != NULL;
	change->concurrency = (int32_t)json_integer_value(concurrency);
	change->has_max_queued = max_queued != NULL;
	change->max_queued = json_integer_value(max_queued);
	change->has_weight = weight != NULL;
	change->weight = json_is_null(weight) ? 1 : (int32_t)json_integer_value(weight);
	change->has_rate = rate != NULL;
	change->rate = json_number_value(rate);
	times_take(change, body);
}

/* null lifts a limit. */
void queue_patch_call(struct request *r)
{
	static const struct json_field fields[] = {
		{"concurrency", JSON_IS_INTEGER | JSON_IS_NULL, JSON_OPTIONAL, 0, INT32_MAX},
		{"max_queued", JSON_IS_INTEGER | JSON_IS_NULL, JSON_OPTIONAL, 0, INT64_MAX / 2},
		{"weight", JSON_IS_INTEGER | JSON_IS_NULL, JSON_OPTIONAL, 1, 1000},
		{"rate", JSON_IS_NUMBER | JSON_IS_INTEGER | JSON_IS_NULL, JSON_OPTIONAL, 0, 0},
		{"max_age_s", JSON_IS_INTEGER | JSON_IS_NULL, JSON_OPTIONAL, 0, QUEUE_TIME_MAX_S},
		{"attempt_timeout_s", JSON_IS_INTEGER | JSON_IS_NULL, JSON_OPTIONAL, 0,
			QUEUE_TIME_MAX_S},
		{"deadline_s", JSON_IS_INTEGER | JSON_IS_NULL, JSON_OPTIONAL, 0, QUEUE_TIME_MAX_S},
		{NULL, 0, JSON_OPTIONAL, 0, 0}};
	json_t *body = request_input_body(r, fields, true);
	struct problems p = {0};
	struct queue_call *c;

	if (!body)
		return;
	if (!name_is_fine(r->match.params[0]))
		problems_add(&p, "",
			"a queue's name is 1 to 64 of a-z, 0-9, . _ and -, beginning "
			"with a letter or digit");
	if (json_number_value(json_object_get(body, "rate")) < 0)
		problems_add(&p, "/rate", "must not be negative");
	if (p.total) {
		request_fail_with(r, ERR_INVALID_FIELD, &p);
	} else if ((c = queue_call_new(r))) {
		c->create = true;
		change_take(&c->change, body);
		record_call_start(&c->call, &queue_patch_op);
	}
	json_decref(body);
}

/* Changes of a queue that exists. */
static void flip(struct request *r, struct queue_change change)
{
	struct queue_call *c = queue_call_new(r);

	if (!c)
		return;
	change.name = c->name;
	c->change = change;
	record_call_start(&c->call, &queue_patch_op);
}

void queue_pause(struct request *r)
{
	flip(r, (struct queue_change){.has_paused = true, .paused = true});
}

/* Ends a pause and a drain. */
void queue_resume(struct request *r)
{
	flip(r, (struct queue_change){.has_paused = true, .has_draining = true});
}

void queue_drain(struct request *r)
{
	flip(r, (struct queue_change){.has_draining = true, .draining = true});
}
