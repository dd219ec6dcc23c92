#include "jobs/submit_call.h"

#include "access/authorise.h"
#include "ground/clock.h"
#include "jobs/job_json.h"
#include "jobs/job_scene.h"
#include "jobs/read_call.h"
#include "jobs/submit_seal.h"
#include "producer.h"
#include "publish.h"
#include "queues.h"

#include <stdlib.h>
#include <string.h>

enum { REPLY_FIRST = 1000, LARGE_BYTES = 1 << 20 };

struct submit_work {
	struct submit_item item; /* first */
	struct request *r;
	struct job_spec spec;
	struct job_spec *specs[1];
};

/* ---- the operation ---- */

/* All elements of a batch's items, in a row. */
struct elements {
	struct db *db;
	size_t n;
	struct publish_plan *plan;
	struct job_spec **specs;
	struct submit *list[];
};

void submit_item_init(struct submit_item *item, struct job_spec **specs, size_t n)
{
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		bytes += specs[i]->sealed.len;
	item->item.op = bytes > LARGE_BYTES ? &submit_large_op : &submit_op;
	item->item.weight = n;
	item->specs = specs;
	item->n = n;
}

static struct elements *elements_new(const struct record_batch *batch)
{
	struct elements *all;
	size_t n = 0;

	for (size_t i = 0; i < batch->n; i++)
		n += ((struct submit_item *)(void *)batch->items[i])->n;
	all = calloc(1, sizeof *all + n * (sizeof *all->list + sizeof *all->specs));
	if (!all)
		return NULL;
	all->specs = (struct job_spec **)(void *)&all->list[n];
	for (size_t i = 0; i < batch->n; i++) {
		const struct submit_item *item = (struct submit_item *)(void *)batch->items[i];

		for (size_t k = 0; k < item->n; k++) {
			all->specs[all->n] = item->specs[k];
			all->list[all->n++] = &item->specs[k]->submit;
		}
	}
	return all;
}

static void committed(void *ctx, enum err e, struct submit *const *list, size_t n)
{
	struct record_batch *batch = ctx;
	struct elements *all = batch->work;

	publish_go(all->plan, !e);
	if (!e)
		submit_seal_committed(batch->items[0]->owner, all->db, all->specs, all->n);
	batch->work = NULL;
	free(all);
	record_batch_end(batch, e);
}

static void sealed(void *ctx, enum err e)
{
	struct record_batch *batch = ctx;
	struct elements *all = batch->work;

	if (!e) {
		all->plan = publish_plan(batch->items[0]->owner, all->list, all->n);
		e = submit_batch(all->db, all->list, all->n, committed, batch);
	}
	if (e)
		committed(batch, e, all->list, all->n);
}

static enum err submit_run(struct db *db, struct record_batch *batch)
{
	struct elements *all = elements_new(batch);
	enum err e;

	if (!all)
		return ERR_NOMEM;
	batch->work = all;
	all->db = db;
	e = submit_seal(batch->items[0]->owner, db, all->specs, all->n, sealed, batch);
	if (e) {
		batch->work = NULL;
		free(all);
	}
	return e;
}

static enum err submit_find_out(struct db *db, struct record_batch *batch)
{
	struct elements *all = elements_new(batch);
	enum err e;

	if (!all)
		return ERR_NOMEM;
	batch->work = all;
	all->db = db;
	e = submit_settle(db, all->list, all->n, committed, batch);
	if (e) {
		batch->work = NULL;
		free(all);
	}
	return e;
}

const struct record_op submit_op = {
	"submit", RECORD_WRITES, SUBMIT_MAX / 2, submit_run, submit_find_out};
/* One at a time, on a lane of their own. */
const struct record_op submit_large_op = {
	"submit_large", RECORD_LARGE, 1, submit_run, submit_find_out};

/* ---- the call ---- */

void submit_row(const struct job_spec *spec, struct job_row *row)
{
	const struct submit *s = &spec->submit;
	int64_t from = s->run_at_ms > s->created_ms ? s->run_at_ms : s->created_ms;

	memset(row, 0, sizeof *row);
	row->tenant = s->tenant;
	row->job = s->job_id;
	row->kind = s->kind;
	row->queue = spec->queue;
	row->state = s->state;
	row->priority = s->priority;
	row->max_attempts = s->max_attempts;
	row->created_ms = s->created_ms;
	row->run_at_ms = s->run_at_ms;
	row->deadline_ms = s->deadline_s ? from + s->deadline_s * 1000 : 0;
	row->due_ms = s->run_at_ms;
	row->waiting_for = s->state == JOB_WAITING ? "run_at" : NULL;
	row->model = s->model;
	row->progress_percent = -1;
	row->version = 1;
	row->store = s->store;
	row->metadata = spec->told[JOB_TOLD_METADATA];
	row->subject = spec->told[JOB_TOLD_SUBJECT];
	row->trace = spec->told[JOB_TOLD_TRACE];
	for (int i = 0; i < TIMINGS; i++)
		row->timings_ms[i] = -1;
	row->timings_ms[TIMING_ACCEPT] = (int32_t)s->accept_ms;
}

static void reply_accepted(struct submit_work *w)
{
	struct request *r = w->r;
	struct job_row row;
	char id[ID_TEXT_MAX], etag[JOB_ETAG_MAX];

	submit_row(&w->spec, &row);
	(void)buf_reserve(reply_json(&r->reply, 202), REPLY_FIRST);
	job_json_write(&r->reply.body, &row, NULL);
	id_format("job", row.job, id);
	job_etag(&row, etag);
	reply_header(&r->reply, "Location", "/v1/jobs/%s", id);
	reply_header(&r->reply, "ETag", "%s", etag);
	if (w->spec.submit.replayed)
		reply_header(&r->reply, "Idempotent-Replayed", "true");
}

/* A refusal for want of room says when there may be some. */
static void come_again(struct submit_work *w, enum err e)
{
	if (e == ERR_QUEUE_FULL || e == ERR_TENANT_FULL)
		w->r->reply.retry_after_s =
			queues_retry_after_s(w->r->producer->queues, w->spec.submit.queue_id);
}

/* Who may only hand in is told of a job that is there already what it was told at first. */
static bool may_read_own(const struct submit_work *w)
{
	struct rule_facts facts =
		authorise_facts_own(w->spec.queue, w->spec.model, w->spec.submit.priority);

	facts.cost_nano = 0;
	return authorise_may(w->r->producer->config, &w->r->caller, PERMISSION_JOB_READ, &facts);
}

static void submit_done_item(struct record_item *item, enum err e)
{
	struct submit_work *w = (struct submit_work *)(void *)item;
	struct request *r = w->r;
	const struct submit *s = &w->spec.submit;

	if (!e)
		e = s->outcome;
	/* the queue may have gone, or a settled look found nothing: it is not there */
	if (e == ERR_NOT_FOUND)
		e = ERR_UNAVAILABLE;
	if (e == ERR_DB_DATA)
		e = ERR_INVALID_FIELD;
	if (!e && s->replayed && may_read_own(w)) {
		read_replayed(r, s->tenant, s->job_id);
		return;
	}
	e = queues_refusal_told(r->producer->queues, s->queue_id, e);
	come_again(w, e);
	if (e)
		request_fail(r, e);
	else
		reply_accepted(w);
	request_resume(r);
}

static void work_free(void *work)
{
	struct submit_work *w = work;

	job_spec_clear(&w->spec);
	free(w);
}

static enum err job_spec_fill(struct submit_work *w, struct problems *p)
{
	struct request *r = w->r;
	struct queues_view *queues = queues_hold(r->producer->queues);
	const struct job_scene scene = job_scene_of(r, queues);
	enum err e = ERR_UNAVAILABLE;

	if (queues)
		e = job_spec_read(&w->spec, &scene, r->body.bytes, r->body.len, p);
	if (!e && r->idempotency_key) {
		e = job_spec_key(&w->spec, &scene, r->idempotency_key, r->body.bytes, r->body.len);
		if (e)
			problems_add(
				p, "", "Idempotency-Key must be 1-255 printable ASCII characters");
	}
	/* with a key it may be a job that is there already */
	if (!e && !r->idempotency_key)
		e = queues_refusal(queues, w->spec.submit.queue_id);
	queues_view_release(queues);
	return e;
}

void submit_call(struct request *r)
{
	struct submit_work *w = calloc(1, sizeof *w);
	struct problems p = {0};
	enum err e;

	if (!w) {
		request_fail(r, ERR_NOMEM);
		return;
	}
	w->r = r;
	r->work = w;
	r->work_free = work_free;
	e = job_spec_fill(w, &p);
	buf_clear(&r->body);
	come_again(w, e);
	if (e) {
		request_fail_with(r, e, &p);
		if (e == ERR_FORBIDDEN)
			authorise_challenge(r, w->spec.lacks);
		return;
	}
	w->specs[0] = &w->spec;
	submit_item_init(&w->item, w->specs, 1);
	w->item.item.done = submit_done_item;
	w->item.item.owner = r->producer;
	w->spec.submit.accept_ms = (clock_us() - r->began_us) / 1000;
	request_park(r);
	e = record_add(r->producer->record, &w->item.item);
	if (e)
		request_resume_failed(r, e);
}
