#include "jobs/read_call.h"

#include "access/authorise.h"
#include "access/authority.h"
#include "access/holders.h"
#include "access/keys.h"
#include "access/reading.h"
#include "domain/usage.h"
#include "ground/clock.h"
#include "http/reply_memory.h"
#include "jobs/expand.h"
#include "jobs/forget.h"
#include "jobs/job_json.h"
#include "jobs/live.h"
#include "jobs/live_look.h"
#include "producer.h"
#include "record_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ_MAX = 100, PEEK_MAX = 1000, LARGE_SPARE = 16 << 10 };

struct read_work {
	struct record_item item; /* first */
	struct request *r;
	struct watcher watcher;
	struct job_key key;
	int64_t until_ms; /* of the long poll; 0 = none */
	int status;
	unsigned expand; /* EXPAND_ bits still to be appended */
	size_t large;	 /* bytes of content that did not come with the others' */
	/* told by the reading: */
	int64_t version;
	enum job_state state;
	int32_t queue_id;
	bool keep;    /* the job's content may stay */
	bool content; /* the reply holds some: the audit must know */
	bool same;    /* the tag the client has is the job's */
	struct job_progress progress;
	int64_t fence;
	struct live_look look; /* at a running job's text */
};

static struct read_work *work_of(struct record_item *item)
{
	return (struct read_work *)(void *)item;
}

/* ---- rows and items ---- */

/* Rows come in the items' order, one for each item, without those that are not there: several items
 * may read the same job. */
static const struct job_row *row_of(
	const struct job_row *rows, size_t n, size_t *at, const struct read_work *w)
{
	for (size_t i = *at; i < n; i++)
		if (id_equal(rows[i].job, w->key.job) && id_equal(rows[i].tenant, w->key.tenant)) {
			*at = i + 1;
			return &rows[i];
		}
	return NULL;
}

static void seen(struct read_work *w, const struct job_row *row)
{
	char etag[JOB_ETAG_MAX];

	w->version = row->version;
	w->state = row->state;
	w->keep = row->store;
	job_etag(row, etag);
	w->same = job_etag_matches(w->r->if_none_match, etag);
	if (w->same) {
		w->r->reply.status = 304;
		w->r->reply.headers_n = 0;
		reply_header(&w->r->reply, "ETag", "%s", etag);
	}
}

static bool waits(const struct read_work *w)
{
	return w->until_ms > clock_ms() && !job_state_terminal(w->state);
}

static void input_put(struct buf *out, const struct job_row *row, struct keyring *ring)
{
	struct sealed_box box;

	sealed_box_open(&box, ring, row->tenant, &row->key);
	(void)buf_text(out, ",\"input\":");
	job_json_sealed(
		out, &box, (struct sealed_where){SEALED_INPUT, row->job, 0}, row->input, "null");
	sealed_box_close(&box);
}

static void render(struct read_work *w, const struct job_row *row)
{
	struct reply *reply = &w->r->reply;
	char etag[JOB_ETAG_MAX], id[ID_TEXT_MAX];
	struct buf *out = reply_json(reply, w->status);

	if (row->content_bytes > JOB_READ_UPTO)
		(void)buf_reserve(out, row->content_bytes + LARGE_SPARE); /* not by doubling */
	job_json_open(out, row, w->r->producer->keyring);
	w->progress = job_progress_of(row);
	w->queue_id = row->queue_id;
	w->fence = row->fence;
	w->content = w->expand || row->result.bytes || row->message.bytes;
	if (w->expand & EXPAND_INPUT)
		input_put(out, row, w->r->producer->keyring);
	job_etag(row, etag);
	reply->headers_n = 0;
	reply_header(reply, "ETag", "%s", etag);
	if (w->status == 202) {
		id_format("job", row->job, id);
		reply_header(reply, "Location", "/v1/jobs/%s", id);
		reply_header(reply, "Idempotent-Replayed", "true");
	}
}

/* ---- operations ---- */

static void rows_told(
	struct record_batch *batch, enum err e, const struct job_row *rows, size_t n, bool whole)
{
	size_t at = 0;

	for (size_t i = 0; !e && i < batch->n; i++) {
		struct read_work *w = work_of(batch->items[i]);
		const struct job_row *row = row_of(rows, n, &at, w);

		if (!row) {
			w->item.outcome = ERR_NOT_FOUND;
			continue;
		}
		seen(w, row);
		if (!whole || waits(w) || (w->same && !w->expand))
			continue;
		if (w->item.op == &read_op && row->content_bytes > JOB_READ_UPTO)
			w->large = row->content_bytes;
		else
			render(w, row);
	}
	record_batch_end(batch, e);
}

static void read_told(void *ctx, enum err e, const struct job_row *rows, size_t n)
{
	rows_told(ctx, e, rows, n, true);
}

static void peek_told(void *ctx, enum err e, const struct job_row *rows, size_t n)
{
	rows_told(ctx, e, rows, n, false);
}

static size_t keys_of(const struct record_batch *batch, struct job_key *keys)
{
	for (size_t i = 0; i < batch->n; i++)
		keys[i] = work_of(batch->items[i])->key;
	return batch->n;
}

static enum err read_run(struct db *db, struct record_batch *batch)
{
	struct job_key keys[READ_MAX];
	int what = JOB_READ_LABELS | JOB_READ_ANSWER;

	if (batch->op == &read_large_op)
		what |= JOB_READ_LARGE;
	for (size_t i = 0; i < batch->n; i++)
		if (work_of(batch->items[i])->expand & EXPAND_INPUT)
			what |= JOB_READ_INPUT;
	return job_read(db, keys, keys_of(batch, keys), what, read_told, batch);
}

static enum err tag_run(struct db *db, struct record_batch *batch)
{
	struct job_key keys[PEEK_MAX];

	return job_peek(db, keys, keys_of(batch, keys), peek_told, batch);
}

const struct record_op read_op = {"read", RECORD_READS, READ_MAX, read_run, NULL};
/* One at a time, beside lists: no poll waits for its megabytes. */
const struct record_op read_large_op = {"read_large", RECORD_SLOW, 1, read_run, NULL};
const struct record_op read_tag_op = {"read_tag", RECORD_READS, PEEK_MAX, tag_run, NULL};

/* ---- the walk: tag, read, watch, read again, read the large, expand ---- */

static void read_again(struct read_work *w, const struct record_op *op);

static void answer_sent(struct request *r)
{
	const struct read_work *w = r->work;

	forget_start(r, w->key);
}

static void hand_out(void *owner, enum err e)
{
	struct read_work *w = owner;
	struct request *r = w->r;

	if (e) {
		r->sent = NULL; /* nothing was handed out: the content stays */
		request_resume_failed(r, e);
	} else if (w->expand)
		expand_start(r, w->key, w->queue_id, w->expand);
	else
		request_resume(r);
}

/* The whole but for what is read apart. */
static void finish_body(struct read_work *w)
{
	struct request *r = w->r;

	job_json_progress(&r->reply.body, &w->progress);
	if (!w->keep && job_state_terminal(w->state) && r->reply.status == 200)
		r->sent = answer_sent;
	w->expand &= ~(unsigned)EXPAND_INPUT;
	if (!w->expand)
		(void)buf_char(&r->reply.body, '}');
	if (w->content && !r->head_only)
		reading_note(r, "job.read", w->key.job, hand_out, w);
	else
		hand_out(w, ERR_OK);
}

/* Redis is ahead of the record while an answer is written. */
static void looked(struct live_look *look)
{
	struct read_work *w = RING_OF(look, struct read_work, look);
	const int64_t tokens = usage_estimate_tokens(look->text_bytes);

	if (tokens > w->progress.output_tokens)
		w->progress.output_tokens = tokens;
	if (tokens > 0 && !w->progress.stage[0])
		(void)snprintf(w->progress.stage, sizeof w->progress.stage, "generating");
	finish_body(w);
}

static void finish(struct read_work *w)
{
	if (w->r->reply.status == 304) {
		request_resume(w->r);
	} else if (w->state == JOB_RUNNING) {
		w->look = (struct live_look){.job = w->key.job, .fence = w->fence, .done = looked};
		live_look_start(&w->look, w->r->producer->live);
	} else {
		finish_body(w);
	}
}

/* holders_told_fn; the caller's rights are those of now. */
static void judged(void *owner, enum err e)
{
	struct read_work *w = owner;
	struct request *r = w->r;

	if (e) {
		request_resume_failed(r, e);
	} else if (!authorise_still(
			   r->producer->config, &r->caller, PERMISSION_JOB_READ, r->object)) {
		authorise_refuse(r, PERMISSION_JOB_READ);
		request_resume(r);
	} else {
		read_again(w, &read_op);
	}
}

/* Who has waited is judged as if it came now: minutes have passed, perhaps. */
static void judge(struct read_work *w)
{
	struct producer *p = w->r->producer;
	struct caller *caller = &w->r->caller;
	struct rights *rights;
	enum err e = authority_judge(p->authority, caller, authority_away_ms(p->authority));

	rights = e ? NULL : holders_find(p->holders, caller, KEYS_TTL_MS);
	if (rights) {
		rights_release(caller->rights);
		caller->rights = rights;
		judged(w, ERR_OK);
		return;
	}
	if (!e)
		e = holders_ask(p->holders, caller, judged, w);
	if (e)
		request_resume_failed(w->r, e);
}

static void told(struct watcher *watcher, enum watcher_why why)
{
	struct read_work *w = RING_OF(watcher, struct read_work, watcher);

	if (why != WATCHER_MOVED)
		w->until_ms = 0;
	judge(w);
}

static void watch(struct read_work *w)
{
	w->watcher.key = w->key;
	w->watcher.version = w->version;
	w->watcher.until_ms = w->until_ms;
	w->watcher.told = told;
	if (live_watch(w->r->producer->live, &w->watcher) == ERR_OK)
		return;
	w->until_ms = 0;
	read_again(w, &read_op);
}

/* Its bytes are counted before they are loaded. */
static void read_large(struct read_work *w)
{
	enum err e = reply_memory_expect(w->r, w->large);

	if (e)
		request_resume_failed(w->r, e);
	else
		read_again(w, &read_large_op);
}

static void read_done(struct record_item *item, enum err e)
{
	struct read_work *w = work_of(item);

	if (!e)
		e = buf_err(&w->r->reply.body);
	if (e)
		request_resume_failed(w->r, e);
	else if (waits(w))
		watch(w);
	else if (w->large)
		read_large(w);
	else if (item->op == &read_tag_op && !w->same)
		read_again(w, &read_op);
	else if (!w->same && w->r->reply.body.len == 0)
		read_again(w, &read_op); /* its time ran out while it was read */
	else
		finish(w);
}

static void read_again(struct read_work *w, const struct record_op *op)
{
	enum err e;

	w->large = 0;
	w->item.op = op;
	w->item.done = read_done;
	e = record_add_for(w->r, &w->item);
	if (e)
		request_resume_failed(w->r, e);
}

/* ---- the calls ---- */

static struct read_work *work_new(struct request *r, struct id tenant, struct id job)
{
	struct read_work *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	if (r->work_free)
		r->work_free(r->work);
	w->r = r;
	w->key = (struct job_key){tenant, job};
	w->status = 200;
	r->work = w;
	r->work_free = free;
	return w;
}

void read_call(struct request *r)
{
	const int64_t wait_max = r->producer->config->producer.wait_max_s;
	const struct query_field fields[] = {{"wait", QUERY_INT, 0, wait_max},
		{"expand", QUERY_TEXT, 0, 200}, {NULL, QUERY_TEXT, 0, 0}};
	struct problems p = {0};
	struct read_work *w;
	unsigned expand = 0;
	int64_t wait_s;
	struct id job;

	if (!query_check(&r->query, fields, &p) ||
		!expand_read(query_text(&r->query, "expand"), &expand, &p)) {
		request_fail_with(r, ERR_INVALID_FIELD, &p);
		return;
	}
	if (!id_parse("job", r->match.params[0], &job)) {
		request_fail(r, ERR_NOT_FOUND);
		return;
	}
	w = work_new(r, r->caller.tenant, job);
	if (!w) {
		request_fail(r, ERR_NOMEM);
		return;
	}
	wait_s = query_int(&r->query, "wait", 0);
	w->until_ms = wait_s ? clock_ms() + wait_s * 1000 : 0;
	w->expand = expand;
	request_park(r);
	read_again(w, r->if_none_match && !expand ? &read_tag_op : &read_op);
}

static void read_with(struct request *r, struct job_key key, int status)
{
	struct read_work *w = work_new(r, key.tenant, key.job);

	if (!w) {
		request_resume_failed(r, ERR_NOMEM);
		return;
	}
	w->status = status;
	w->keep = true;
	r->if_none_match = NULL;
	read_again(w, &read_op);
}

void read_replayed(struct request *r, struct id tenant, struct id job)
{
	read_with(r, (struct job_key){tenant, job}, 202);
}

void read_after_change(struct request *r, struct id tenant, struct id job, int status)
{
	read_with(r, (struct job_key){tenant, job}, status);
}
