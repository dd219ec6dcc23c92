#include "jobs/expand.h"

#include "domain/sealed.h"
#include "http/reply_memory.h"
#include "jobs/attempt_json.h"
#include "jobs/delivery_json.h"
#include "jobs/event_json.h"
#include "jobs/live_look.h"
#include "producer.h"
#include "queues.h"
#include "record_call.h"
#include "stores/job_list.h"
#include "stores/tenant_limit.h"

#include <stdlib.h>
#include <string.h>

/* What is held of a member while it is made, for each byte that is loaded: the value itself and its
 * JSON text; of a partial output the text between them, too. What goes beyond is counted when it is
 * there. */
enum { EVENTS_COPIES = 2, PARTIAL_COPIES = 3, EVENT_JSON = 64, LOOK_UPTO = 64 << 10 };

_Static_assert(CONFIG_BODY_BYTES_MOST + CONFIG_RESULT_BYTES_MOST <= REPLY_BYTES_MAX,
	"a job's input and answer, as they may be, are no reply");

struct expand_work {
	struct record_item item; /* first */
	struct request *r;
	struct job_key key;
	int32_t queue_id;
	unsigned bits;
	bool partial;		    /* events are read for their text alone */
	struct event_weight weight; /* of events that are to be read */
	struct buf text;	    /* that text */
	struct live_look look;	    /* at what follows it */
};

static const struct {
	const char *name;
	unsigned bit;
	const struct record_op *op;
} members[] = {
	{"input", EXPAND_INPUT, NULL},
	{"partial_output", EXPAND_PARTIAL_OUTPUT, &expand_weigh_op},
	{"attempts", EXPAND_ATTEMPTS, &expand_attempts_op},
	{"events", EXPAND_EVENTS, &expand_weigh_op},
	{"deliveries", EXPAND_DELIVERIES, &expand_deliveries_op},
	{"place", EXPAND_PLACE, &expand_place_op},
};
enum { MEMBERS = sizeof members / sizeof *members };

bool expand_read(const char *text, unsigned *ret_bits, struct problems *p)
{
	unsigned bits = 0;

	while (text && *text) {
		size_t n = strcspn(text, ","), i = 0;

		while (i < MEMBERS &&
			(strlen(members[i].name) != n || memcmp(members[i].name, text, n) != 0))
			i++;
		if (i == MEMBERS) {
			problems_add(p, "?expand",
				"must be of input, partial_output, attempts, events, deliveries, place");
			return false;
		}
		bits |= members[i].bit;
		text += n + (text[n] == ',');
	}
	*ret_bits = bits;
	return true;
}

static struct expand_work *work_of(struct record_batch *batch)
{
	return (struct expand_work *)(void *)batch->items[0];
}

static struct buf *out_of(struct record_batch *batch)
{
	return &work_of(batch)->r->reply.body;
}

/* ---- attempts ---- */

static void attempts_told(void *ctx, enum err e, const struct attempt_row *rows, size_t n)
{
	struct record_batch *batch = ctx;
	const struct expand_work *x = work_of(batch);
	struct buf *out = out_of(batch);
	struct sealed_box box;

	sealed_box_open(&box, x->r->producer->keyring, x->key.tenant, n ? &rows[0].key : NULL);
	(void)buf_text(out, ",\"attempts\":[");
	for (size_t i = 0; !e && i < n; i++) {
		if (i)
			(void)buf_char(out, ',');
		attempt_json_put(out, x->key.job, &rows[i], &box);
	}
	sealed_box_close(&box);
	(void)buf_char(out, ']');
	record_batch_end(batch, e);
}

static enum err attempts_run(struct db *db, struct record_batch *batch)
{
	return attempt_list(db, work_of(batch)->key, attempts_told, batch);
}

/* ---- deliveries ---- */

static void deliveries_told(void *ctx, enum err e, const struct delivery_row *rows, size_t n)
{
	struct buf *out = out_of(ctx);

	(void)buf_text(out, ",\"deliveries\":");
	delivery_json_list(out, rows, e ? 0 : n);
	record_batch_end(ctx, e);
}

static enum err deliveries_run(struct db *db, struct record_batch *batch)
{
	return delivery_list(db, work_of(batch)->key, deliveries_told, batch);
}

/* ---- events ---- */

static void event_put(void *owner, int64_t number, const char *type, const char *data, size_t len)
{
	struct buf *out = owner;

	(void)buf_printf(out, "%s{\"id\":%lld,\"type\":\"%s\",\"data\":",
		out->bytes[out->len - 1] == '[' ? "" : ",", (long long)number, type);
	(void)buf_append(out, data, len);
	(void)buf_char(out, '}');
}

/* The text of the newest attempt's deltas, as far as the record has it. */
static void partial_read(struct expand_work *x, const struct event_page *page)
{
	struct sealed_view view;
	struct sealed_box box;

	sealed_box_open(&box, x->r->producer->keyring, page->tenant, &page->key);
	for (size_t i = 0; i < page->n; i++) {
		const struct event_run *run = &page->runs[i];
		const struct sealed_where where = {SEALED_EVENT, page->job, run->seq_from};

		if (run->kind == EVENT_RUNNING || run->kind == EVENT_RESTARTED)
			buf_reset(&x->text);
		if (run->kind != EVENT_DELTA || !run->text.bytes ||
			sealed_open(&box, where, run->text.bytes, run->text.len, &view))
			continue;
		(void)buf_append(&x->text, view.bytes, view.len);
		sealed_view_clear(&view);
	}
	sealed_box_close(&box);
	x->look.key = page->key;
	x->look.from = page->live_from;
	x->look.fence = page->fence;
}

static void next(struct expand_work *x);
static void member_done(struct record_item *item, enum err e);

static void partial_put(struct expand_work *x)
{
	struct buf *out = &x->r->reply.body;

	(void)buf_text(out, ",\"partial_output\":");
	(void)buf_json(out, x->text.len ? x->text.bytes : "", x->text.len);
	x->partial = false;
	next(x);
}

static void partial_looked(struct live_look *look);

static void partial_look(struct expand_work *x, size_t upto)
{
	x->look.upto = upto;
	buf_clear(&x->look.text);
	buf_init(&x->look.text, upto);
	live_look_start(&x->look, x->r->producer->live);
}

/* A long one is looked at again, once there is room for it. */
static void partial_looked(struct live_look *look)
{
	struct expand_work *x = RING_OF(look, struct expand_work, look);
	const size_t all = look->text_bytes > 0 ? (size_t)look->text_bytes : 0;
	enum err e = ERR_OK;

	if (all > look->upto) {
		e = reply_memory_expect(x->r, x->r->reply.body.len + PARTIAL_COPIES * all);
		if (e)
			member_done(&x->item, e);
		else
			partial_look(x, all + LOOK_UPTO);
		return;
	}
	if (look->text.len)
		(void)buf_append(&x->text, look->text.bytes, look->text.len);
	buf_clear(&look->text);
	partial_put(x);
}

/* Behind what the record has, a running job's text is in Redis. */
static void partial_done(struct expand_work *x)
{
	if (!x->look.from) {
		partial_put(x);
		return;
	}
	x->look.job = x->key.job;
	x->look.tenant = x->key.tenant;
	x->look.done = partial_looked;
	partial_look(x, LOOK_UPTO);
}

static void events_told(void *ctx, enum err e, const struct event_page *page)
{
	struct record_batch *batch = ctx;
	struct buf *out = out_of(batch);

	if (!e && !page->found)
		e = ERR_NOT_FOUND;
	if (!e && work_of(batch)->partial) {
		partial_read(work_of(batch), page);
	} else if (!e) {
		(void)buf_text(out, ",\"events\":[");
		e = event_json_page(page, work_of(batch)->r->producer->keyring, 0, event_put, out);
		(void)buf_char(out, ']');
	}
	record_batch_end(batch, e);
}

static void weight_told(void *ctx, enum err e, const struct event_weight *weight)
{
	struct record_batch *batch = ctx;

	if (!e)
		work_of(batch)->weight = *weight;
	record_batch_end(batch, e);
}

static enum err weigh_run(struct db *db, struct record_batch *batch)
{
	return event_weigh(db, work_of(batch)->key, weight_told, batch);
}

static enum err events_run(struct db *db, struct record_batch *batch)
{
	return event_read(db, work_of(batch)->key, 0, events_told, batch);
}

const struct record_op expand_attempts_op = {"attempts", RECORD_SLOW, 1, attempts_run, NULL};
const struct record_op expand_deliveries_op = {"deliveries", RECORD_SLOW, 1, deliveries_run, NULL};
const struct record_op expand_weigh_op = {"events_weigh", RECORD_SLOW, 1, weigh_run, NULL};
const struct record_op expand_events_op = {"events", RECORD_SLOW, 1, events_run, NULL};

/* ---- what holds a job in its queue, as far as its tenant may know ---- */

static void place_told(void *ctx, enum err e, const struct tenant_limit *limit)
{
	struct record_batch *batch = ctx;
	const struct expand_work *x = work_of(batch);
	struct queues_view *view = queues_hold(x->r->producer->queues);
	const struct queue *q = queues_by_id(view, x->queue_id);
	struct buf *out = out_of(batch);

	(void)buf_text(out, ",\"place\":");
	if (e || !q)
		(void)buf_text(out, "null");
	else
		(void)buf_printf(out,
			"{\"paused\":%s,\"running\":%lld,\"concurrency\":%d,\"rate\":%.15g,"
			"\"free_slots\":%s,\"tenant_max_running\":%d}",
			q->paused ? "true" : "false", (long long)q->running, (int)q->concurrency,
			q->rate, q->free_slots > 0 ? "true" : "false", (int)limit->max_running);
	queues_view_release(view);
	record_batch_end(batch, e);
}

static enum err place_run(struct db *db, struct record_batch *batch)
{
	return tenant_limit_get(db, work_of(batch)->key.tenant, place_told, batch);
}

const struct record_op expand_place_op = {"place", RECORD_SLOW, 1, place_run, NULL};

/* ---- one after the other ---- */

static void expand_free(struct expand_work *x)
{
	buf_clear(&x->text);
	buf_clear(&x->look.text);
	free(x);
}

static void ask(struct expand_work *x, const struct record_op *op)
{
	enum err e;

	x->item.op = op;
	x->item.done = member_done;
	e = record_add_for(x->r, &x->item);
	if (e)
		member_done(&x->item, e);
}

/* Counted before they are loaded. */
static void events_ask(struct expand_work *x)
{
	const size_t body = x->r->reply.body.len, bytes = x->weight.bytes;
	const size_t more = x->partial
				    ? PARTIAL_COPIES * bytes
				    : EVENTS_COPIES * bytes + EVENT_JSON * (size_t)x->weight.events;
	enum err e = reply_memory_expect(x->r, body + more);

	if (e)
		member_done(&x->item, e);
	else
		ask(x, &expand_events_op);
}

static void member_done(struct record_item *item, enum err e)
{
	struct expand_work *x = (struct expand_work *)(void *)item;

	if (e) {
		request_resume_failed(x->r, e);
		expand_free(x);
	} else if (item->op == &expand_weigh_op) {
		events_ask(x);
	} else if (x->partial) {
		partial_done(x);
	} else {
		next(x);
	}
}

static void next(struct expand_work *x)
{
	enum err e = reply_memory_expect(x->r, x->r->reply.body.len);
	size_t i = 0;

	if (e) {
		member_done(&x->item, e);
		return;
	}
	while (i < MEMBERS && !(x->bits & members[i].bit))
		i++;
	if (i == MEMBERS) {
		(void)buf_char(&x->r->reply.body, '}');
		request_resume(x->r);
		expand_free(x);
		return;
	}
	x->bits &= ~members[i].bit;
	x->partial = members[i].bit == EXPAND_PARTIAL_OUTPUT;
	ask(x, members[i].op);
}

void expand_start(struct request *r, struct job_key key, int32_t queue_id, unsigned bits)
{
	struct expand_work *x = calloc(1, sizeof *x);

	if (!x) {
		request_resume_failed(r, ERR_NOMEM);
		return;
	}
	x->r = r;
	x->key = key;
	x->queue_id = queue_id;
	x->bits = bits;
	buf_init(&x->text, REPLY_BYTES_MAX);
	next(x);
}
