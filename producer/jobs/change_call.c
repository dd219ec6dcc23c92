#include "jobs/change_call.h"

#include "access/actor.h"
#include "access/authorise.h"
#include "ground/clock.h"
#include "jobs/list_call.h"
#include "jobs/live_tell.h"
#include "jobs/read_call.h"
#include "producer.h"
#include "queues.h"
#include "record_call.h"

#include <stdlib.h>

enum { DETAIL_MAX = 80, TIME_MAX_BYTES = 40, TOLD_AT_ONCE = 100 };

struct change_work {
	struct record_item item; /* first */
	struct request *r;
	struct job_key key;
	struct job_patch patch;
	struct job_changed changed;
};

void change_tell(struct producer *producer, const struct job_changed *jobs, size_t n)
{
	struct id held[TOLD_AT_ONCE];
	size_t held_n = 0;

	for (size_t i = 0; i < n; i++) {
		if (!jobs[i].changed)
			continue;
		live_tell_state(producer->live, jobs[i].job, jobs[i].state);
		if (!id_is_zero(jobs[i].worker))
			held[held_n++] = jobs[i].job;
		if (held_n == TOLD_AT_ONCE) {
			live_tell_cancel(producer->live, held, held_n);
			held_n = 0;
		}
	}
	live_tell_cancel(producer->live, held, held_n);
}

/* ---- the operations ---- */

static struct change_work *work_of(const struct record_batch *batch)
{
	return (struct change_work *)(void *)batch->items[0];
}

static void changed(void *ctx, enum err e, const struct job_changed *jobs, size_t n)
{
	struct record_batch *batch = ctx;

	if (n > 0)
		work_of(batch)->changed = jobs[0];
	if (e == ERR_NOT_FOUND || e == ERR_CONFLICT || e == ERR_QUEUE_FULL ||
		e == ERR_QUEUE_DRAINING ||
		e == ERR_TENANT_FULL) { /* the caller's, no failure of the batch */
		batch->items[0]->outcome = e;
		e = ERR_OK;
	}
	record_batch_end(batch, e);
}

static enum err cancel_run(struct db *db, struct record_batch *batch)
{
	const struct change_work *w = work_of(batch);
	const struct audit_actor by = request_actor(w->r);

	return job_cancel(db, w->key, &by, changed, batch);
}

static enum err retry_run(struct db *db, struct record_batch *batch)
{
	const struct change_work *w = work_of(batch);
	const struct audit_actor by = request_actor(w->r);

	return job_retry(db, w->key, &by, changed, batch);
}

static enum err patch_run(struct db *db, struct record_batch *batch)
{
	const struct change_work *w = work_of(batch);
	const struct audit_actor by = request_actor(w->r);

	return job_patch(db, w->key, &w->patch, &by, changed, batch);
}

static enum err delete_run(struct db *db, struct record_batch *batch)
{
	const struct change_work *w = work_of(batch);
	const struct audit_actor by = request_actor(w->r);

	return job_delete(db, w->key, &by, changed, batch);
}

const struct record_op cancel_op = {"cancel", RECORD_WRITES, 1, cancel_run, NULL};
const struct record_op retry_op = {"retry", RECORD_WRITES, 1, retry_run, NULL};
const struct record_op patch_op = {"patch", RECORD_WRITES, 1, patch_run, NULL};
const struct record_op delete_op = {"delete", RECORD_WRITES, 1, delete_run, NULL};

/* ---- the calls ---- */

static void conflict(struct request *r, enum job_state state)
{
	char detail[DETAIL_MAX];

	(void)snprintf(detail, sizeof detail, "the job is %s: its state does not allow that",
		job_state_text(state));
	request_fail_detail(r, ERR_CONFLICT, detail);
}

static void change_done(struct record_item *item, enum err e)
{
	struct change_work *w = (struct change_work *)(void *)item;
	struct request *r = w->r;

	if (!e)
		change_tell(r->producer, &w->changed, 1);
	if (!e && w->item.op != &delete_op && authorise_shows(r)) {
		read_after_change(r, w->key.tenant, w->key.job, 200);
		return;
	}
	if (e == ERR_QUEUE_FULL || e == ERR_TENANT_FULL)
		r->reply.retry_after_s =
			queues_retry_after_s(r->producer->queues, w->changed.queue_id);
	if (e == ERR_CONFLICT)
		conflict(r, w->changed.state);
	else if (e)
		request_fail(r, e);
	else
		r->reply.status = 204;
	request_resume(r);
}

/* The work of a call on the job that the path names; NULL when the request was answered. */
static struct change_work *work_new(struct request *r, const struct record_op *op)
{
	struct change_work *w = calloc(1, sizeof *w);

	if (!w) {
		request_fail(r, ERR_NOMEM);
		return NULL;
	}
	r->work = w;
	r->work_free = free;
	w->r = r;
	w->key.tenant = r->caller.tenant;
	w->item.op = op;
	w->item.weight = 1;
	w->item.done = change_done;
	w->item.owner = r->producer;
	if (id_parse("job", r->match.params[0], &w->key.job))
		return w;
	request_fail(r, ERR_NOT_FOUND);
	return NULL;
}

static void work_go(struct change_work *w)
{
	struct request *r = w->r;
	enum err e;

	request_park(r);
	e = record_add_for(r, &w->item);
	if (e)
		request_resume_failed(r, e);
}

static void change_begin(struct request *r, const struct record_op *op)
{
	struct change_work *w = work_new(r, op);

	if (w)
		work_go(w);
}

void cancel_call(struct request *r)
{
	change_begin(r, &cancel_op);
}

void retry_call(struct request *r)
{
	change_begin(r, &retry_op);
}

void delete_call(struct request *r)
{
	change_begin(r, &delete_op);
}

/* ---- PATCH ---- */

static enum err patch_queue(
	struct producer *producer, const char *name, struct job_patch *patch, struct problems *p)
{
	struct queues_view *view = queues_hold(producer->queues);
	const struct queue_view *found = view ? queues_find(view, name) : NULL;
	enum err e = view ? ERR_OK : ERR_UNAVAILABLE;

	if (view && !found) {
		problems_add(p, "/queue", "no queue has this name");
		e = ERR_UNKNOWN_QUEUE;
	}
	patch->has_queue = true;
	patch->queue_id = found ? found->queue.id : 0;
	queues_view_release(view);
	return e;
}

static void patch_run_at(const json_t *run_at, const struct config *config, struct job_patch *patch,
	struct problems *p)
{
	const char *text = json_string_value(run_at);
	int64_t ahead_s = config->limits.run_ahead_max_s;

	patch->has_run_at = run_at != NULL;
	if (text && clock_parse(text, &patch->run_at_ms) != 0)
		problems_add(p, "/run_at", "must be an RFC 3339 time, as 2026-01-31T12:00:00Z");
	else if (text && patch->run_at_ms - clock_record_ms() > ahead_s * 1000)
		problems_add(p, "/run_at", "must lie within %lld s from now", (long long)ahead_s);
}

static enum err patch_read(struct change_work *w, const json_t *body, struct problems *p)
{
	static const struct json_field fields[] = {
		{"priority", JSON_IS_INTEGER, JSON_OPTIONAL, 0, 9},
		{"run_at", JSON_IS_STRING | JSON_IS_NULL, JSON_OPTIONAL, 1, TIME_MAX_BYTES},
		{"queue", JSON_IS_STRING, JSON_OPTIONAL, 1, QUEUE_NAME_MAX},
		{NULL, 0, JSON_OPTIONAL, 0, 0},
	};
	struct producer *producer = w->r->producer;
	const json_t *priority = json_object_get(body, "priority");
	const char *queue = json_string_value(json_object_get(body, "queue"));
	enum err e = ERR_OK;

	if (!json_is_object(body) || json_object_size(body) == 0)
		problems_add(p, "", "must be an object with priority, run_at or queue");
	else if (json_check(body, "", fields, p)) {
		w->patch.has_priority = priority != NULL;
		w->patch.priority = (int)json_integer_value(priority);
		patch_run_at(json_object_get(body, "run_at"), producer->config, &w->patch, p);
		if (queue)
			e = patch_queue(producer, queue, &w->patch, p);
	}
	if (!e && p->total)
		e = ERR_INVALID_FIELD;
	if (!e && !authorise_move(w->r, queue, priority ? w->patch.priority : -1)) {
		problems_add(
			p, "", "this needs job:submit for the queue and priority it would have");
		e = ERR_FORBIDDEN;
	}
	return e;
}

void patch_call(struct request *r)
{
	struct change_work *w = work_new(r, &patch_op);
	struct problems p = {0};
	json_t *body;
	enum err e;

	if (!w || list_body_read(r, &body))
		return;
	e = patch_read(w, body, &p);
	json_decref(body);
	if (!e) {
		work_go(w);
		return;
	}
	request_fail_with(r, e, &p);
	if (e == ERR_FORBIDDEN)
		authorise_challenge(r, PERMISSION_JOB_SUBMIT);
}
