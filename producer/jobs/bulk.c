#include "jobs/bulk.h"

#include "ground/ring.h"
#include "jobs/bulk_chunk.h"
#include "producer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNKS = 2 };

struct bulk_work {
	struct ring link;
	struct bulk *bulk;
	struct request *r;
	struct bulk_text text; /* what no chunk has taken yet */
	bool whole;	       /* ?expand=job */
	/* Both are there from the start: once a chunk is committed, no line of the next may be
	 * lost for want of memory. The first chunks_n are under way, oldest first. */
	struct bulk_chunk *chunks[CHUNKS];
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

static void news(void *owner)
{
	struct bulk *b = owner;

	(void)pthread_mutex_lock(&b->lock);
	b->news = true;
	(void)pthread_cond_signal(&b->wake);
	(void)pthread_mutex_unlock(&b->lock);
}

/* ---- the thread ---- */

static bool is_left(const struct bulk_work *w)
{
	return w->text.at < w->text.end;
}

static void collect(struct bulk_work *w)
{
	while (w->chunks_n > 0 && bulk_chunk_is_done(w->chunks[0])) {
		struct bulk_chunk *c = w->chunks[0];

		bulk_chunk_answer(c, w->whole);
		memmove(w->chunks, w->chunks + 1, --w->chunks_n * sizeof *w->chunks);
		w->chunks[w->chunks_n] = c;
	}
}

/* Reads one more chunk. False, of the first one alone: no queue is known yet. */
static bool advance(struct bulk_work *w)
{
	struct bulk_chunk *c = w->chunks[w->chunks_n];

	if (bulk_chunk_read(c, &w->text) == 0)
		return !is_left(w);
	w->chunks_n++;
	bulk_chunk_send(c);
	return true;
}

/* True when the request was answered and w is gone. */
static bool work_turn(struct bulk_work *w)
{
	bool fine = true;

	collect(w);
	if (w->chunks_n < CHUNKS && is_left(w))
		fine = advance(w);
	if (!fine)
		w->text.at = w->text.end;
	if (is_left(w) || w->chunks_n > 0)
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
	return (w->chunks_n < CHUNKS && is_left(w)) || w->chunks_n == 0 ||
	       bulk_chunk_is_done(w->chunks[0]);
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
		bulk_chunk_free(w->chunks[i]);
	free(w);
}

static struct bulk_work *work_new(struct request *r, bool whole)
{
	struct bulk_work *w = calloc(1, sizeof *w);
	struct bulk *b = r->producer->bulk;
	bool there = w != NULL;

	for (size_t i = 0; there && i < CHUNKS; i++)
		there = (w->chunks[i] = bulk_chunk_new(r, news, b)) != NULL;
	if (!there) {
		work_free(w);
		return NULL;
	}
	w->bulk = b;
	w->r = r;
	w->text = (struct bulk_text){r->body.bytes, r->body.bytes + r->body.len};
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
