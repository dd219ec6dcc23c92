#include "jobs/bulk.h"

#include "access/actor.h"
#include "domain/halving.h"
#include "ground/clock.h"
#include "ground/ring.h"
#include "jobs/job_json.h"
#include "jobs/submit_call.h"
#include "producer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNKS = 2, PROBLEM_BYTES_MAX = 64 * 1024 };

/* One line that is not blank. */
struct line {
	struct job_spec spec;
	struct buf problem; /* not empty: the line was refused before the record saw it */
};

struct chunk {
	struct submit_item item; /* first */
	struct bulk_work *work;
	size_t n, specs_n;
	struct line *lines;
	struct job_spec **specs; /* those of the lines that go to the record */
	size_t told;		 /* of specs: their outcome is known */
	struct halving halving;	 /* of those that follow, once a value was refused */
	_Atomic bool done;
};

struct bulk_work {
	struct ring link;
	struct bulk *bulk;
	struct request *r;
	const char *at, *end;
	bool whole; /* ?expand=job */
	/* Both are there from the start: once a chunk is committed, no line of the next may be
	 * lost for want of memory. The first chunks_n are under way, oldest first. */
	struct chunk *chunks[CHUNKS];
	size_t chunks_n;
};

struct bulk {
	struct producer *producer;
	pthread_mutex_t lock; /* guards works, news, stop */
	pthread_cond_t wake;
	struct ring works;
	bool news, stop, started;
	pthread_t thread;
};

/* ---- chunks ---- */

static void chunk_reset(struct chunk *c)
{
	for (size_t i = 0; i < c->n; i++) {
		job_spec_clear(&c->lines[i].spec);
		buf_clear(&c->lines[i].problem);
	}
	c->n = c->specs_n = c->told = 0;
	c->halving = (struct halving){0};
	c->done = false;
}

static void chunk_free(struct chunk *c)
{
	if (!c)
		return;
	chunk_reset(c);
	free(c->lines);
	free(c->specs);
	free(c);
}

static struct chunk *chunk_new(struct bulk_work *w)
{
	struct chunk *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->work = w;
	c->lines = calloc(BULK_CHUNK, sizeof *c->lines);
	c->specs = calloc(BULK_CHUNK, sizeof *c->specs);
	if (c->lines && c->specs)
		return c;
	chunk_free(c);
	return NULL;
}

static void news(struct bulk *b)
{
	(void)pthread_mutex_lock(&b->lock);
	b->news = true;
	(void)pthread_cond_signal(&b->wake);
	(void)pthread_mutex_unlock(&b->lock);
}

/* The next line without its end; false after the last. */
static bool line_next(struct bulk_work *w, const char **ret_line, size_t *ret_len)
{
	while (w->at < w->end) {
		const char *line = w->at;
		const char *end = memchr(line, '\n', (size_t)(w->end - line));

		if (!end)
			end = w->end;
		w->at = end < w->end ? end + 1 : end;
		*ret_line = line;
		*ret_len = (size_t)(end - line);
		if (strspn(line, " \t\r") < *ret_len)
			return true;
	}
	return false;
}

static void line_read(struct chunk *c, const struct job_scene *scene, const char *text, size_t len)
{
	struct line *line = &c->lines[c->n++];
	struct problems p = {0};
	enum err e = job_spec_read(&line->spec, scene, text, len, &p);

	buf_init(&line->problem, PROBLEM_BYTES_MAX);
	if (e) {
		problem_write(&line->problem, e, NULL, &p, c->work->r->id_text);
		return;
	}
	line->spec.submit.accept_ms = (clock_us() - c->work->r->began_us) / 1000;
	c->specs[c->specs_n++] = &line->spec;
}

static void chunk_read(struct chunk *c)
{
	struct request *r = c->work->r;
	struct queues_view *queues = queues_hold(r->producer->queues);
	const struct job_scene scene = {.config = r->producer->config,
		.caller = &r->caller,
		.queues = queues,
		.trace = &r->trace,
		.by = request_actor(r)};
	const char *line;
	size_t len;

	while (queues && c->n < BULK_CHUNK && line_next(c->work, &line, &len))
		line_read(c, &scene, line, len);
	queues_view_release(queues);
}

static void chunk_end(struct chunk *c)
{
	struct bulk *b = c->work->bulk;

	c->done = true;
	news(b);
}

/* The next n end so. */
static void outcomes_set(struct chunk *c, size_t n, enum err e)
{
	for (size_t i = 0; i < n; i++)
		c->specs[c->told + i]->submit.outcome = e;
}

static void committed(struct record_item *item, enum err e);

static void rest_send(struct chunk *c)
{
	struct producer *producer = c->work->r->producer;
	const size_t rest = c->specs_n - c->told;
	enum err e;

	submit_item_init(&c->item, c->specs + c->told, halving_most(&c->halving, rest));
	c->item.item.done = committed;
	c->item.item.owner = producer;
	e = record_add(producer->record, &c->item.item);
	if (e) {
		outcomes_set(c, rest, e);
		chunk_end(c);
	}
}

/* A data error is some one line's: it is looked for among fewer and fewer. */
static void committed(struct record_item *item, enum err e)
{
	struct chunk *c = (struct chunk *)(void *)item;
	const size_t n = c->item.n;

	if (e == ERR_DB_DATA && !halving_refused(&c->halving, n)) {
		rest_send(c);
		return;
	}
	if (e)
		outcomes_set(c, n, e);
	else
		halving_taken(&c->halving, c->specs_n);
	c->told += n;
	if (c->told < c->specs_n)
		rest_send(c);
	else
		chunk_end(c);
}

/* ---- replies ---- */

static void accepted_put(struct buf *out, const struct bulk_work *w, const struct job_spec *spec)
{
	struct job_row row;
	char id[ID_TEXT_MAX];

	if (w->whole) {
		submit_row(spec, &row);
		job_json_write(out, &row, NULL);
		return;
	}
	id_format("job", spec->submit.job_id, id);
	(void)buf_printf(
		out, "{\"id\":\"%s\",\"state\":\"%s\"}", id, job_state_text(spec->submit.state));
}

/* What a client may do about it: our own parts' troubles are all "come again". */
static enum err outcome_of(const struct producer *producer, const struct job_spec *spec)
{
	enum err e =
		queues_refusal_told(producer->queues, spec->submit.queue_id, spec->submit.outcome);

	if (e == ERR_DB_DATA)
		return ERR_INVALID_FIELD;
	return err_http(e) == 503 || e == ERR_NOT_FOUND ? ERR_UNAVAILABLE : e;
}

static void chunk_write(const struct chunk *c)
{
	struct buf *out = &c->work->r->reply.body;

	for (size_t i = 0; i < c->n; i++) {
		const struct line *line = &c->lines[i];
		enum err e =
			line->problem.len ? ERR_OK : outcome_of(c->work->r->producer, &line->spec);

		if (line->problem.len)
			(void)buf_append(out, line->problem.bytes, line->problem.len);
		else if (e)
			problem_write(out, e, NULL, NULL, c->work->r->id_text);
		else
			accepted_put(out, c->work, &line->spec);
		(void)buf_char(out, '\n');
	}
}

/* ---- the thread ---- */

static void collect(struct bulk_work *w)
{
	while (w->chunks_n > 0 && w->chunks[0]->done) {
		struct chunk *c = w->chunks[0];

		chunk_write(c);
		chunk_reset(c);
		memmove(w->chunks, w->chunks + 1, --w->chunks_n * sizeof *w->chunks);
		w->chunks[w->chunks_n] = c;
	}
}

/* Reads one more chunk. False, of the first one alone: no queue is known yet. */
static bool advance(struct bulk_work *w)
{
	struct chunk *c = w->chunks[w->chunks_n];

	chunk_read(c);
	if (c->n == 0)
		return w->at >= w->end;
	w->chunks_n++;
	if (c->specs_n)
		rest_send(c);
	else
		c->done = true;
	return true;
}

/* True when the request was answered and w is gone. */
static bool work_turn(struct bulk_work *w)
{
	bool fine = true;

	collect(w);
	if (w->chunks_n < CHUNKS && w->at < w->end)
		fine = advance(w);
	if (!fine)
		w->at = w->end;
	if (w->at < w->end || w->chunks_n > 0)
		return false;
	ring_leave(&w->link);
	if (!fine)
		request_fail(w->r, ERR_UNAVAILABLE);
	request_resume(w->r);
	return true;
}

/* Something to do without waiting for a commit? */
static bool is_busy(const struct bulk_work *w)
{
	return (w->chunks_n < CHUNKS && w->at < w->end) || w->chunks_n == 0 || w->chunks[0]->done;
}

/* Until there is news; at once when busy. True once the thread shall end. */
static bool wait(struct bulk *b, struct ring *mine, bool busy)
{
	bool stop;

	(void)pthread_mutex_lock(&b->lock);
	while (!b->news && !busy && (!b->stop || !ring_empty(mine)))
		(void)pthread_cond_wait(&b->wake, &b->lock);
	b->news = false;
	stop = b->stop;
	ring_join_all(mine, &b->works);
	(void)pthread_mutex_unlock(&b->lock);
	return stop;
}

static void *bulk_main(void *owner)
{
	struct bulk *b = owner;
	struct ring mine;
	bool stop = false, busy = false;

	ring_init(&mine);
	while (!stop || !ring_empty(&mine)) {
		stop = wait(b, &mine, busy);
		busy = false;
		for (struct ring *at = mine.next, *next; at != &mine; at = next) {
			struct bulk_work *w = RING_OF(at, struct bulk_work, link);

			next = at->next;
			if (!work_turn(w))
				busy |= is_busy(w);
		}
	}
	return NULL;
}

/* ---- the call ---- */

static size_t lines_count(const char *bytes, size_t len)
{
	size_t n = 0;

	for (const char *at = bytes, *end = bytes + len; at < end; n++) {
		const char *line_end = memchr(at, '\n', (size_t)(end - at));

		at = line_end ? line_end + 1 : end;
	}
	return n;
}

static enum err bulk_check(struct request *r, bool *ret_whole, struct problems *p)
{
	static const struct query_field fields[] = {
		{"expand", QUERY_TEXT, 1, 8}, {NULL, QUERY_TEXT, 0, 0}};
	const char *expand = query_text(&r->query, "expand");

	if (!query_check(&r->query, fields, p))
		return ERR_INVALID_FIELD;
	if (expand && strcmp(expand, "job") != 0)
		problems_add(p, "?expand", "must be job");
	if (r->idempotency_key)
		problems_add(p, "", "an Idempotency-Key belongs to a single job");
	*ret_whole = expand != NULL;
	return p->total ? ERR_INVALID_FIELD : ERR_OK;
}

static void work_free(void *work)
{
	struct bulk_work *w = work;

	for (size_t i = 0; w && i < CHUNKS; i++)
		chunk_free(w->chunks[i]);
	free(w);
}

static struct bulk_work *work_new(struct request *r, bool whole)
{
	struct bulk_work *w = calloc(1, sizeof *w);
	bool there = w != NULL;

	for (size_t i = 0; there && i < CHUNKS; i++)
		there = (w->chunks[i] = chunk_new(w)) != NULL;
	if (!there) {
		work_free(w);
		return NULL;
	}
	w->bulk = r->producer->bulk;
	w->r = r;
	w->at = r->body.bytes;
	w->end = w->at + r->body.len;
	w->whole = whole;
	return w;
}

static void work_hand_in(struct bulk_work *w)
{
	struct bulk *b = w->bulk;

	(void)pthread_mutex_lock(&b->lock);
	ring_join(&b->works, &w->link);
	(void)pthread_mutex_unlock(&b->lock);
	news(b);
}

void bulk_call(struct request *r)
{
	struct problems p = {0};
	struct bulk_work *w;
	bool whole;

	if (bulk_check(r, &whole, &p)) {
		request_fail_with(r, ERR_INVALID_FIELD, &p);
		return;
	}
	if (lines_count(r->body.bytes, r->body.len) >
		(size_t)r->producer->config->limits.bulk_lines) {
		request_fail_detail(r, ERR_TOO_LARGE, "too many lines: send several requests");
		return;
	}
	w = work_new(r, whole);
	if (!w) {
		request_fail(r, ERR_NOMEM);
		return;
	}
	r->work = w;
	r->work_free = work_free;
	(void)reply_json(&r->reply, 200);
	r->reply.type = "application/x-ndjson";
	request_park(r);
	work_hand_in(w);
}

enum err bulk_new(struct producer *producer, struct bulk **ret_bulk)
{
	struct bulk *b = calloc(1, sizeof *b);

	if (!b)
		return ERR_NOMEM;
	b->producer = producer;
	(void)pthread_mutex_init(&b->lock, NULL);
	(void)pthread_cond_init(&b->wake, NULL);
	ring_init(&b->works);
	b->started = pthread_create(&b->thread, NULL, bulk_main, b) == 0;
	if (!b->started) {
		bulk_free(b);
		return ERR_SYSTEM;
	}
	*ret_bulk = b;
	return ERR_OK;
}

void bulk_free(struct bulk *b)
{
	if (!b)
		return;
	(void)pthread_mutex_lock(&b->lock);
	b->stop = true;
	(void)pthread_cond_signal(&b->wake);
	(void)pthread_mutex_unlock(&b->lock);
	if (b->started)
		(void)pthread_join(b->thread, NULL);
	(void)pthread_cond_destroy(&b->wake);
	(void)pthread_mutex_destroy(&b->lock);
	free(b);
}
