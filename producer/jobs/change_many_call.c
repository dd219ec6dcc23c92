#include "jobs/change_many_call.h"

#include "access/actor.h"
#include "ground/clock.h"
#include "jobs/change_call.h"
#include "jobs/filter.h"
#include "jobs/list_call.h"
#include "producer.h"
#include "record_call.h"
#include "stores/job_list.h"
#include "stores/tenant.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE = 500, LASTS_MS = 25000 };

/* Why jobs are left, in the order in which it is told. */
static const enum err left_why[] = {ERR_QUEUE_FULL, ERR_QUEUE_DRAINING, ERR_TENANT_FULL};
enum { LEFT_KINDS = sizeof left_why / sizeof *left_why };

/* What is done to many, and from which states. */
struct many_kind {
	const struct record_op *change;
	const struct record_op *count; /* of a dry run */
	int allowed;
};

struct many_work {
	struct record_item item; /* first */
	struct request *r;
	const struct many_kind *kind;
	struct filter filter;
	json_t *body;
	struct job_key keys[PAGE]; /* of the page under way */
	size_t n;
	int64_t matched, changed;
	int64_t left[LEFT_KINDS]; /* of matched, for want of room; a dry run's would be */
	int64_t most;		  /* of matched, in this call */
	int64_t until_ms;
	bool more;
};

static struct many_work *work_of(const struct record_batch *batch)
{
	return (struct many_work *)(void *)batch->items[0];
}

/* ---- the operations ---- */

static void found(void *ctx, enum err e, const struct tenant *tenants, size_t n)
{
	struct record_batch *batch = ctx;

	if (!e && n == 0)
		e = ERR_NOT_FOUND;
	if (!e)
		work_of(batch)->filter.job.tenant = tenants[0].id;
	record_batch_end(batch, e);
}

/* An operator names the tenant whose jobs are meant. */
static enum err whose_run(struct db *db, struct record_batch *batch)
{
	return tenant_find(db, work_of(batch)->r->match.params[0], found, batch);
}

static void counted(void *ctx, enum err e, int64_t n)
{
	struct record_batch *batch = ctx;

	work_of(batch)->matched = n;
	record_batch_end(batch, e);
}

static enum err count_run(struct db *db, struct record_batch *batch)
{
	return job_count(db, &work_of(batch)->filter.job, counted, batch);
}

static void retry_counted(void *ctx, enum err e, const struct job_retry_count *count)
{
	struct record_batch *batch = ctx;
	struct many_work *w = work_of(batch);

	if (!e) {
		const int64_t left[LEFT_KINDS] = {
			count->queue_full, count->queue_draining, count->tenant_full};

		w->matched = count->matched;
		memcpy(w->left, left, sizeof left);
	}
	record_batch_end(batch, e);
}

static enum err retry_count_run(struct db *db, struct record_batch *batch)
{
	return job_retry_count(db, &work_of(batch)->filter.job, retry_counted, batch);
}

static void picked(void *ctx, enum err e, const struct job_row *rows, size_t n)
{
	struct record_batch *batch = ctx;
	struct many_work *w = work_of(batch);

	w->n = n;
	for (size_t i = 0; i < n; i++)
		w->keys[i] = (struct job_key){rows[i].tenant, rows[i].job};
	record_batch_end(batch, e);
}

static size_t page_limit(const struct many_work *w)
{
	return w->most - w->matched < PAGE ? (size_t)(w->most - w->matched) : PAGE;
}

static enum err pick_run(struct db *db, struct record_batch *batch)
{
	const struct many_work *w = work_of(batch);
	const struct job_page page = {.filter = w->filter.job,
		.after = w->filter.after,
		.limit = page_limit(w),
		.what = 0};

	return job_list(db, &page, picked, batch);
}

static void count_changed(struct many_work *w, const struct job_changed *jobs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		w->changed += jobs[i].changed;
		for (int why = 0; why < LEFT_KINDS; why++)
			w->left[why] += jobs[i].left == left_why[why];
	}
}

static void changed(void *ctx, enum err e, const struct job_changed *jobs, size_t n)
{
	struct record_batch *batch = ctx;
	struct many_work *w = work_of(batch);

	if (!e) {
		count_changed(w, jobs, n);
		change_tell(w->r->producer, jobs, n);
	}
	record_batch_end(batch, e);
}

static enum err cancel_many_run(struct db *db, struct record_batch *batch)
{
	const struct many_work *w = work_of(batch);
	const struct audit_actor by = request_actor(w->r);

	return job_cancel_many(db, w->keys, w->n, &by, changed, batch);
}

static enum err retry_many_run(struct db *db, struct record_batch *batch)
{
	const struct many_work *w = work_of(batch);
	const struct audit_actor by = request_actor(w->r);

	return job_retry_many(db, w->keys, w->n, &by, changed, batch);
}

const struct record_op whose_op = {"whose", RECORD_SLOW, 1, whose_run, NULL};
const struct record_op count_op = {"count", RECORD_SLOW, 1, count_run, NULL};
const struct record_op retry_count_op = {"retry_count", RECORD_SLOW, 1, retry_count_run, NULL};
const struct record_op pick_op = {"pick", RECORD_SLOW, 1, pick_run, NULL};
const struct record_op cancel_many_op = {"cancel_many", RECORD_SLOW, 1, cancel_many_run, NULL};
const struct record_op retry_many_op = {"retry_many", RECORD_SLOW, 1, retry_many_run, NULL};

/* ---- the calls ---- */

static void answer(struct many_work *w)
{
	struct buf *out = reply_json(&w->r->reply, 200);

	(void)buf_printf(out,
		"{\"object\":\"change\",\"matched\":%lld,\"changed\":%lld,\"dry_run\":%s,"
		"\"has_more\":%s,\"left\":{",
		(long long)w->matched, (long long)w->changed, w->filter.dry_run ? "true" : "false",
		w->more ? "true" : "false");
	for (int why = 0; why < LEFT_KINDS; why++)
		(void)buf_printf(out, "%s\"%s\":%lld", why ? "," : "", err_code(left_why[why]),
			(long long)w->left[why]);
	(void)buf_printf(out, "}}");
	request_resume(w->r);
}

static void step_done(struct record_item *item, enum err e);

static void step(struct many_work *w, const struct record_op *op)
{
	enum err e;

	memset(&w->item, 0, sizeof w->item);
	w->item.op = op;
	w->item.weight = 1;
	w->item.done = step_done;
	w->item.owner = w->r->producer;
	e = record_add_for(w->r, &w->item);
	if (e)
		request_resume_failed(w->r, e);
}

/* Behind a page that was picked: change it, or be done. */
static void page_picked(struct many_work *w)
{
	w->more = w->n == page_limit(w);
	w->matched += (int64_t)w->n;
	if (w->n == 0) {
		w->more = false;
		answer(w);
		return;
	}
	w->filter.after = w->keys[w->n - 1].job;
	step(w, w->kind->change);
}

static void page_changed(struct many_work *w)
{
	if (w->more && w->matched < w->most && clock_ms() < w->until_ms)
		step(w, &pick_op);
	else
		answer(w);
}

static void look(struct many_work *w)
{
	step(w, w->filter.dry_run ? w->kind->count : &pick_op);
}

static void step_done(struct record_item *item, enum err e)
{
	struct many_work *w = (struct many_work *)(void *)item;

	if (e)
		request_resume_failed(w->r, e);
	else if (item->op == &whose_op)
		look(w);
	else if (item->op == w->kind->count)
		answer(w);
	else if (item->op == &pick_op)
		page_picked(w);
	else
		page_changed(w);
}

static void work_free(void *work)
{
	struct many_work *w = work;

	json_decref(w->body);
	free(w);
}

/* Only states that the change may start from; false when the filter leaves none of them. */
static bool states_narrow(struct filter *filter, int allowed)
{
	int asked = filter->job.states;

	filter->job.states = asked ? asked & allowed : allowed;
	return filter->job.states != 0;
}

static bool is_operators(const struct request *r)
{
	return r->match.route->access == ROUTE_OPERATOR;
}

/* Persons are matched by a hash under the tenant's own key, which no operator's request has. */
static bool names_persons(const json_t *body)
{
	return json_object_get(body, "subject") || json_object_get(body, "metadata");
}

static enum err many_read(struct many_work *w, struct problems *p)
{
	const json_t *limit = json_object_get(w->body, "limit");
	enum err e;

	if (is_operators(w->r) && names_persons(w->body)) {
		problems_add(p, "", "subject and metadata are the tenant's own to filter by");
		return ERR_INVALID_FIELD;
	}
	w->most = limit ? json_integer_value(limit) : CHANGE_MANY_MAX;
	e = filter_read(&w->filter, w->r, FILTER_CHANGE, w->body, p);
	if (!e && w->filter.members == 0) {
		problems_add(p, "", "must name at least one filter");
		e = ERR_INVALID_FIELD;
	}
	return e;
}

static void many_begin(struct request *r, const struct many_kind *kind)
{
	struct many_work *w = calloc(1, sizeof *w);
	struct problems p = {0};
	enum err e;

	if (!w) {
		request_fail(r, ERR_NOMEM);
		return;
	}
	w->r = r;
	w->kind = kind;
	w->until_ms = clock_ms() + LASTS_MS;
	r->work = w;
	r->work_free = work_free;
	if (list_body_read(r, &w->body))
		return;
	e = many_read(w, &p);
	if (e) {
		request_fail_with(r, e, &p);
		return;
	}
	request_park(r);
	if (!states_narrow(&w->filter, kind->allowed))
		answer(w);
	else if (is_operators(r))
		step(w, &whose_op);
	else
		look(w);
}

void cancel_many_call(struct request *r)
{
	static const struct many_kind kind = {
		&cancel_many_op, &count_op, 1 << JOB_QUEUED | 1 << JOB_WAITING | 1 << JOB_RUNNING};

	many_begin(r, &kind);
}

void retry_many_call(struct request *r)
{
	static const struct many_kind kind = {&retry_many_op, &retry_count_op,
		1 << JOB_FAILED | 1 << JOB_CANCELLED | 1 << JOB_EXPIRED};

	many_begin(r, &kind);
}
