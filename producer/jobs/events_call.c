#include "jobs/events_call.h"

#include "access/authorise.h"
#include "access/authority.h"
#include "access/holders.h"
#include "access/keys.h"
#include "access/reading.h"
#include "ground/clock.h"
#include "http/sse.h"
#include "jobs/event_json.h"
#include "jobs/live.h"
#include "jobs/live_text.h"
#include "loops.h"
#include "producer.h"
#include "record_call.h"
#include "request_input.h"
#include "stores/event.h"

#include <stdlib.h>
#include <string.h>

enum { WAITING_BYTES_MAX = 8 << 20, HOLE_MS = 500, DELTA_MAX = 1 << 20 };

struct follow {
	struct record_item item; /* first */
	struct watcher watcher;
	struct live_tail tail;
	struct live_call back;
	struct producer *producer;
	struct request *r; /* until its reply began; then NULL */
	struct sse *sse;
	struct job_key key;
	struct caller caller;		 /* judged every AUTHORITY_AGAIN_MS while it listens */
	struct authorise_object *object; /* the job as it was, where its facts decide; or NULL */
	struct sealed_key data_key;
	int64_t after; /* the last number told */
	int64_t version, spoke_ms, hole_ms, judged_ms;
	enum job_state state;
	bool found, ended;
	bool reading, catching; /* who may touch it now: a lane; Redis' answer is under way */
	bool dead;		/* freed when the last of them is back */
};

bool events_after_read(const char *text, int64_t *ret_after)
{
	size_t n = text ? strlen(text) : 0;

	if (n > 18 || (n && strspn(text, "0123456789") != n))
		return false;
	*ret_after = n ? strtoll(text, NULL, 10) : 0;
	return true;
}

/* ---- telling ---- */

static void event_told(void *owner, int64_t number, const char *type, const char *data, size_t len)
{
	struct follow *f = owner;

	if (!sse_event(f->sse, number, type, data, len))
		f->ended = true;
	f->after = number;
	f->spoke_ms = clock_ms();
}

static void delta_told(struct follow *f, int64_t number, const char *text, size_t len)
{
	struct buf data;

	buf_init(&data, 6 * len + 64);
	event_json_delta(&data, text, len);
	if (!buf_err(&data))
		event_told(f, number, "job.delta", data.bytes, data.len);
	buf_clear(&data);
}

/* ---- the record; on a lane ---- */

static void page_told(void *ctx, enum err e, const struct event_page *page)
{
	struct record_batch *batch = ctx;
	struct follow *f = (struct follow *)(void *)batch->items[0];

	if (!e) {
		f->found = page->found;
		f->state = page->state;
		f->version = page->version;
		f->data_key = page->key;
		if (page->found)
			e = event_json_page(page, f->producer->keyring, f->after, event_told, f);
		if (page->found && job_state_terminal(page->state) && (page->ended || page->n == 0))
			f->ended = true;
	}
	record_batch_end(batch, e);
}

static enum err events_run(struct db *db, struct record_batch *batch)
{
	const struct follow *f = (struct follow *)(void *)batch->items[0];

	return event_read(db, f->key, f->after, page_told, batch);
}

const struct record_op events_op = {"events_follow", RECORD_READS, 1, events_run, NULL};

/* ---- following; on the live loop ---- */

static void forget(struct follow *f)
{
	sse_release(f->sse);
	caller_clear(&f->caller);
	free(f->object);
	free(f);
}

static void follow_free(struct follow *f)
{
	live_tail_leave(live_tails(f->producer->live), &f->tail);
	live_unwatch(f->producer->live, &f->watcher);
	if (f->reading || f->catching) {
		f->dead = true;
		return;
	}
	sse_end(f->sse);
	forget(f);
}

/* When it must be looked after, whether its job moves or not. */
static int64_t until_of(const struct follow *f)
{
	int64_t comment_at = f->spoke_ms + f->producer->config->producer.comment_ms;
	int64_t judge_at = f->judged_ms + AUTHORITY_AGAIN_MS;

	return comment_at < judge_at ? comment_at : judge_at;
}

static bool may_listen(const struct follow *f)
{
	return authorise_still(f->producer->config, &f->caller, PERMISSION_JOB_READ, f->object);
}

enum judged { JUDGED_GOOD, JUDGED_OUT, JUDGED_UNKNOWN };

/* May the caller still listen? Unknown: its rights have changed, the record has them. */
static enum judged judge(struct follow *f)
{
	struct rights *rights;

	if (clock_ms() - f->judged_ms < AUTHORITY_AGAIN_MS)
		return JUDGED_GOOD;
	f->judged_ms = clock_ms();
	if (authority_judge_open(f->producer->authority, &f->caller))
		return JUDGED_OUT;
	rights = holders_find(f->producer->holders, &f->caller, KEYS_TTL_MS);
	if (!rights)
		return JUDGED_UNKNOWN;
	rights_release(f->caller.rights);
	f->caller.rights = rights;
	return may_listen(f) ? JUDGED_GOOD : JUDGED_OUT;
}

static void read_back(struct record_item *item, enum err e);
static void read_again(struct follow *f);
static void retry_later(struct follow *f);
static void catch_up(struct follow *f);

/* On a lane. While the record is away whoever listens goes on, as long as the authority lets it. */
static void rights_told(void *owner, enum err e)
{
	struct follow *f = owner;

	f->ended |= !e && !may_listen(f);
	read_back(&f->item, e);
}

static void rights_ask(struct follow *f)
{
	live_unwatch(f->producer->live, &f->watcher);
	f->reading = true;
	if (holders_ask(f->producer->holders, &f->caller, rights_told, f)) {
		f->reading = false;
		retry_later(f);
	}
}

static void told(struct watcher *w, enum watcher_why why)
{
	struct follow *f = RING_OF(w, struct follow, watcher);
	int64_t comment_ms = f->producer->config->producer.comment_ms;
	enum judged judged = why == WATCHER_CLOSING ? JUDGED_OUT : judge(f);

	if (judged == JUDGED_OUT) {
		follow_free(f);
		return;
	}
	if (judged == JUDGED_UNKNOWN && !f->reading) {
		rights_ask(f);
		return;
	}
	if (why == WATCHER_MOVED && !f->reading) {
		read_again(f);
		return;
	}
	if (clock_ms() - f->spoke_ms >= comment_ms) {
		if (!sse_comment(f->sse)) {
			follow_free(f);
			return;
		}
		f->spoke_ms = clock_ms();
	}
	f->watcher.until_ms = until_of(f);
	if (live_watch(f->producer->live, &f->watcher))
		follow_free(f);
}

/* Back from the record. */
static void go_on(void *owner)
{
	struct follow *f = owner;

	f->reading = false;
	if (f->dead || f->ended || sse_is_over(f->sse)) {
		follow_free(f);
		return;
	}
	f->watcher.key = f->key;
	f->watcher.version = f->version;
	f->watcher.until_ms = until_of(f);
	f->watcher.told = told;
	if (live_watch(f->producer->live, &f->watcher)) {
		follow_free(f);
		return;
	}
	live_tail_follow(live_tails(f->producer->live), &f->tail);
	if (f->state == JOB_RUNNING)
		catch_up(f);
}

static void read_back(struct record_item *item, enum err e)
{
	struct follow *f = (struct follow *)(void *)item;

	/* the record is away: what was seen stays seen, the next look tries again */
	if (e)
		f->version = -1;
	f->back.fn = go_on;
	f->back.owner = f;
	live_post(f->producer->live, &f->back);
}

static void retry_later(struct follow *f)
{
	f->watcher.until_ms = clock_ms() + HOLE_MS;
	f->watcher.version = -1;
	if (live_watch(f->producer->live, &f->watcher))
		follow_free(f);
}

static void read_again(struct follow *f)
{
	live_unwatch(f->producer->live, &f->watcher);
	f->item.op = &events_op;
	f->item.done = read_back;
	f->reading = true;
	if (record_add(f->producer->record, &f->item)) {
		f->reading = false;
		retry_later(f);
	}
}

/* The next number, or nothing: later ones mean a hole, earlier ones were told. */
static bool delta_take(struct follow *f, int64_t number, struct db_bytes sealed)
{
	const struct sealed_where where = {SEALED_LIVE, f->key.job, number};
	struct sealed_view view;
	struct sealed_box box;

	if (number != f->after + 1)
		return number <= f->after;
	sealed_box_open(&box, f->producer->keyring, f->key.tenant, &f->data_key);
	if (sealed_open(&box, where, sealed.bytes, sealed.len, &view) == ERR_OK) {
		delta_told(f, number, view.bytes, view.len);
		sealed_view_clear(&view);
	}
	sealed_box_close(&box);
	return number <= f->after;
}

static void caught_up(void *owner, enum err e, const struct scratch_reply *reply)
{
	struct follow *f = owner;
	bool whole = true;

	loop_work(f->producer->loop, WORK_live);
	f->catching = false;
	if (f->dead) {
		if (!f->reading)
			follow_free(f);
		return;
	}
	for (size_t i = 0; !e && !f->reading && i < scratch_count(reply); i++) {
		const struct live_entry entry = live_text_entry(reply, i);

		whole = delta_take(f, entry.number, (struct db_bytes){entry.sealed, entry.len});
		if (!whole)
			break;
	}
	if (f->reading)
		return;
	if (f->ended) {
		follow_free(f);
	} else if (!whole && clock_ms() - f->hole_ms > HOLE_MS) {
		f->hole_ms = clock_ms();
		read_again(f);
	} else if (whole && scratch_count(reply) == LIVE_TEXT_PAGE) {
		catch_up(f);
	}
}

static void catch_up(struct follow *f)
{
	struct scratch *redis = live_scratch(f->producer->live);

	if (!f->catching)
		f->catching =
			live_text_ask(redis, f->key.job, f->after + 1, caught_up, f) == ERR_OK;
}

static void tailed(void *owner, int64_t number, const char *text, size_t len)
{
	struct follow *f = owner;

	/* what passes by now is found in the list afterwards */
	if (f->reading || f->catching || f->dead || len > DELTA_MAX)
		return;
	if (!delta_take(f, number, (struct db_bytes){text, len}))
		catch_up(f);
	if (f->ended)
		follow_free(f);
}

/* ---- the call ---- */

static void stream_begin(struct follow *f)
{
	struct request *r = f->r;

	r->reply.status = 200;
	r->reply.type = "text/event-stream";
	r->stream = sse_hold(f->sse);
	f->r = NULL;
	request_resume(r);
}

/* The stream's one row stands. */
static void noted(void *owner, enum err e)
{
	struct follow *f = owner;
	struct request *r = f->r;

	if (e) {
		forget(f);
		request_resume_failed(r, e);
		return;
	}
	stream_begin(f);
	read_back(&f->item, ERR_OK);
}

static void first_read(struct record_item *item, enum err e)
{
	struct follow *f = (struct follow *)(void *)item;
	struct request *r = f->r;

	if (!e && !f->found)
		e = ERR_NOT_FOUND;
	if (e) {
		forget(f);
		request_resume_failed(r, e);
		return;
	}
	reading_note_each(r, "job.watch", f->key.job, noted, f);
}

static enum err follow_new(struct request *r, struct id job, int64_t after, struct follow **ret)
{
	const struct sse_options options = {.bytes_max = WAITING_BYTES_MAX,
		.held = live_streams(r->producer->live),
		.tenant = r->caller.tenant,
		.bounds = live_streams_bounds(r->producer->live)};
	struct follow *f = calloc(1, sizeof *f);
	enum err e = f ? sse_new(&options, &f->sse) : ERR_NOMEM;

	if (e) {
		free(f);
		return e;
	}
	f->producer = r->producer;
	f->r = r;
	f->key = (struct job_key){r->caller.tenant, job};
	f->after = after;
	caller_copy(&f->caller, &r->caller);
	f->object = r->object;
	r->object = NULL;
	f->spoke_ms = f->judged_ms = clock_ms();
	f->tail.job = job;
	f->tail.fn = tailed;
	f->tail.owner = f;
	f->item.op = &events_op;
	f->item.done = first_read;
	*ret = f;
	return ERR_OK;
}

void events_call(struct request *r)
{
	static const struct query_field none[] = {{NULL, QUERY_TEXT, 0, 0}};
	struct follow *f;
	struct id job;
	int64_t after;
	enum err e;

	if (!request_input_query(r, none))
		return;
	if (!id_parse("job", r->match.params[0], &job)) {
		request_fail(r, ERR_NOT_FOUND);
		return;
	}
	if (!events_after_read(r->last_event_id, &after)) {
		request_fail_detail(
			r, ERR_BAD_REQUEST, "Last-Event-ID must be a number of this stream");
		return;
	}
	e = follow_new(r, job, after, &f);
	if (e) {
		request_fail(r, e);
		return;
	}
	request_park(r);
	e = record_add_for(r, &f->item);
	if (e) {
		forget(f);
		request_resume_failed(r, e);
	}
}
