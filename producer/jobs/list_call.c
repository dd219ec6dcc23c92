#include "jobs/list_call.h"

#include "access/reading.h"
#include "jobs/filter.h"
#include "jobs/job_json.h"
#include "list_reply.h"
#include "producer.h"
#include "record_call.h"
#include "request_input.h"
#include "stores/job_list.h"

#include <stdlib.h>

struct list_work {
	struct record_item item; /* first */
	struct request *r;
	struct filter filter;
	json_t *body;
};

/* ---- the operation ---- */

static void page_write(struct list_work *w, const struct job_row *rows, size_t n)
{
	struct list_reply list = list_reply_begin(&w->r->reply);
	bool more = n > w->filter.limit;
	char next[ID_TEXT_MAX] = "";

	if (more)
		n = w->filter.limit;
	for (size_t i = 0; i < n; i++)
		job_json_write(list_reply_element(&list), &rows[i], w->r->producer->keyring);
	if (more)
		id_format("job", rows[n - 1].job, next);
	list_reply_end(&list, more, next);
}

static void listed(void *ctx, enum err e, const struct job_row *rows, size_t n)
{
	struct record_batch *batch = ctx;
	struct list_work *w = (struct list_work *)(void *)batch->items[0];

	if (!e) {
		page_write(w, rows, n);
		e = buf_err(&w->r->reply.body);
	}
	record_batch_end(batch, e);
}

static enum err list_run(struct db *db, struct record_batch *batch)
{
	const struct list_work *w = (struct list_work *)(void *)batch->items[0];
	const struct job_page page = {.filter = w->filter.job,
		.after = w->filter.after,
		.limit = w->filter.limit + 1,
		.what = JOB_READ_LABELS};

	return job_list(db, &page, listed, batch);
}

const struct record_op list_op = {"list", RECORD_SLOW, 1, list_run, NULL};

/* ---- the calls ---- */

/* Subjects and metadata stand in a list: the audit knows who looked. */
static void list_noted(void *owner, enum err e)
{
	struct request *r = owner;

	if (e)
		request_fail(r, e);
	request_resume(r);
}

static void list_done(struct record_item *item, enum err e)
{
	struct list_work *w = (struct list_work *)(void *)item;

	if (e)
		request_resume_failed(w->r, e);
	else
		reading_note(w->r, "job.list", (struct id){{0}}, list_noted, w->r);
}

static void work_free(void *work)
{
	struct list_work *w = work;

	json_decref(w->body);
	free(w);
}

/* Takes body. */
static void list_begin(struct request *r, enum filter_form form, json_t *body)
{
	struct list_work *w = calloc(1, sizeof *w);
	struct problems p = {0};
	enum err e;

	if (!w) {
		json_decref(body);
		request_fail(r, ERR_NOMEM);
		return;
	}
	w->r = r;
	w->body = body;
	r->work = w;
	r->work_free = work_free;
	e = filter_read(&w->filter, r, form, body, &p);
	if (e) {
		request_fail_with(r, e, &p);
		return;
	}
	w->item.op = &list_op;
	w->item.weight = 1;
	w->item.done = list_done;
	w->item.owner = r->producer;
	request_park(r);
	e = record_add_for(r, &w->item);
	if (e)
		request_resume_failed(r, e);
}

void list_call(struct request *r)
{
	list_begin(r, FILTER_QUERY, NULL);
}

enum err list_body_read(struct request *r, json_t **ret_body)
{
	struct problems p = {0};
	const enum err e = request_input_json(r, &p, ret_body);

	if (e)
		request_fail_with(r, e, &p);
	return e;
}

void search_call(struct request *r)
{
	json_t *body;

	if (list_body_read(r, &body) == ERR_OK)
		list_begin(r, FILTER_SEARCH, body);
}
