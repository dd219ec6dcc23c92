#include "record/record.h"

#include "ground/clock.h"
#include "ground/log.h"
#include "ports/loop.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { OPS_MAX = 128, SWEEP_MS = 100, AWAY_GRACE_MS = 200, COMPANY = 48 };

struct inbox {
	struct ring items;
	size_t weight; /* of them all */
	_Atomic uint64_t batches, done, failed, us;
};

/* One thread, one loop, one connection, at most one batch under way. */
struct lane {
	struct record *record;
	enum record_lane kind;
	pthread_t thread;
	struct loop *loop;
	struct db *db;
	struct loop_wake *wake;
	struct loop_timer *timer, *company;
	bool started;
	bool idle; /* under the record's lock: nothing under way, a wake-up will be heard */
	_Atomic size_t under_way;
	size_t turn;	    /* operation looked at next, so that none starves */
	struct ring halves; /* batches waiting to be run again in parts */
};

struct record {
	struct record_options options;
	size_t ops_n;
	pthread_mutex_t lock; /* guards inboxes, idle, stop */
	struct inbox inboxes[OPS_MAX];
	_Atomic size_t pending;
	_Atomic size_t up[RECORD_LANES];
	_Atomic int64_t away_ms; /* since when no lane is up; for the grace */
	_Atomic bool stop;
	struct lane *lanes;
	size_t lanes_n;
};

/* A batch with room for its items behind it. */
struct batch {
	struct record_batch view; /* first */
	struct ring link;	  /* in lane->halves */
	int64_t began_us;
	bool settling;
	struct record_item *items[];
};

static void lane_work(void *owner);

static size_t item_weight(const struct record_item *item)
{
	return item->weight ? item->weight : 1;
}

/* ---- batches ---- */

static struct batch *batch_new(struct lane *lane, const struct record_op *op, size_t n)
{
	struct batch *b = calloc(1, sizeof *b + n * sizeof *b->items);

	if (!b)
		return NULL;
	b->view = (struct record_batch){
		.record = lane->record, .op = op, .items = b->items, .n = n, .lane = lane};
	return b;
}

static size_t op_index(const struct record *r, const struct record_op *op)
{
	size_t i = 0;

	while (i < r->ops_n && r->options.ops[i] != op)
		i++;
	return i;
}

static void item_end(struct record *r, struct record_item *item, enum err e)
{
	r->pending--;
	item->done(item, e ? e : item->outcome);
}

static void batch_finish(struct batch *b, enum err e)
{
	struct record *r = b->view.record;
	struct lane *lane = b->view.lane;
	struct inbox *inbox = &r->inboxes[op_index(r, b->view.op)];

	inbox->batches++;
	inbox->done += b->view.n;
	inbox->us += (uint64_t)(clock_us() - b->began_us);
	if (err_http(e) >= 500) { /* others are the caller's doing */
		inbox->failed += b->view.n;
		log_warn("batch failed", LOG_TEXT("operation", b->view.op->name), LOG_ERR(e),
			LOG_INT("items", (int64_t)b->view.n),
			LOG_TEXT("words", db_fault(lane->db)));
	}
	for (size_t i = 0; i < b->view.n; i++)
		item_end(r, b->view.items[i], e);
	free(b);
}

/* The item that is to blame must stand alone: two halves go again. False when out of memory. */
static bool batch_halve(struct batch *b)
{
	struct lane *lane = b->view.lane;
	size_t n = b->view.n / 2;
	struct batch *first = batch_new(lane, b->view.op, n);
	struct batch *second = batch_new(lane, b->view.op, b->view.n - n);

	if (!first || !second) {
		free(first);
		free(second);
		return false;
	}
	memcpy(first->items, b->items, n * sizeof *b->items);
	memcpy(second->items, b->items + n, (b->view.n - n) * sizeof *b->items);
	ring_join(&lane->halves, &first->link);
	ring_join(&lane->halves, &second->link);
	free(b);
	return true;
}

static bool batch_settle(struct batch *b)
{
	struct lane *lane = b->view.lane;

	if (!b->view.op->settle || lane->record->stop)
		return false;
	b->settling = true;
	ring_join(&lane->halves, &b->link);
	return true;
}

void record_batch_end(struct record_batch *batch, enum err e)
{
	struct batch *b = (struct batch *)(void *)batch;
	struct lane *lane = batch->lane;

	lane->under_way--;
	if (e == ERR_DB_UNKNOWN && !b->settling && batch_settle(b))
		goto out;
	if (e == ERR_DB_DATA && b->view.n > 1 && batch_halve(b))
		goto out;
	batch_finish(b, e);
out:
	loop_wake_send(lane->wake);
}

/* ---- a lane ---- */

/* Under the lock. While another lane commits, few items wait a moment for company: one commit of
 * forty costs Postgres half of two with twenty. */
static bool waits_for_company(const struct lane *lane, const struct inbox *inbox)
{
	const struct record *r = lane->record;
	const struct record_item *oldest = RING_OF(inbox->items.next, struct record_item, link);

	if (ring_empty(&inbox->items) || inbox->weight >= COMPANY ||
		clock_ms() - oldest->since_ms >= r->options.company_ms)
		return false;
	for (size_t i = 0; i < r->lanes_n; i++)
		if (r->lanes[i].kind == lane->kind && r->lanes[i].under_way > 0)
			return true;
	return false;
}

/* Under the lock: as many as fit, oldest first. NULL when nothing waits or out of memory. */
static struct batch *inbox_take(struct lane *lane, size_t op)
{
	struct record *r = lane->record;
	struct inbox *inbox = &r->inboxes[op];
	size_t n = 0, weight = 0, max = r->options.ops[op]->weight_max;
	struct batch *b;

	if (max > r->options.weight_max)
		max = r->options.weight_max;
	for (struct ring *at = inbox->items.next; at != &inbox->items; at = at->next) {
		weight += item_weight(RING_OF(at, struct record_item, link));
		if (n > 0 && weight > max)
			break;
		n++;
	}
	b = n ? batch_new(lane, r->options.ops[op], n) : NULL;
	for (size_t i = 0; b && i < n; i++) {
		b->items[i] = RING_OF(inbox->items.next, struct record_item, link);
		ring_leave(&b->items[i]->link);
		inbox->weight -= item_weight(b->items[i]);
	}
	return b;
}

static struct batch *lane_take(struct lane *lane)
{
	struct record *r = lane->record;
	struct batch *b = NULL;
	bool company = false;

	if (!ring_empty(&lane->halves)) {
		b = RING_OF(lane->halves.next, struct batch, link);
		ring_leave(&b->link);
		return b;
	}
	(void)pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < r->ops_n && !b; i++) {
		size_t op = lane->turn++ % r->ops_n;

		if (r->options.ops[op]->lane != lane->kind)
			continue;
		if (waits_for_company(lane, &r->inboxes[op]))
			company = true;
		else
			b = inbox_take(lane, op);
	}
	lane->idle = !b && !company;
	(void)pthread_mutex_unlock(&r->lock);
	if (!b && company)
		loop_timer_start(lane->company, r->options.company_ms);
	return b;
}

static void lane_run(struct lane *lane, struct batch *b)
{
	enum err e;

	lane->under_way++;
	if (!b->began_us)
		b->began_us = clock_us();
	e = b->settling ? b->view.op->settle(lane->db, &b->view)
			: b->view.op->run(lane->db, &b->view);
	if (e)
		record_batch_end(&b->view, e == ERR_DB_UNKNOWN || e == ERR_DB_DATA ? ERR_DB : e);
}

/* Woken: something was added, a batch ended, or the connection came back. */
static void lane_work(void *owner)
{
	struct lane *lane = owner;
	struct batch *b;

	if (lane->record->stop) {
		loop_stop(lane->loop);
		return;
	}
	if (lane->under_way == 0 && db_is_up(lane->db) && (b = lane_take(lane)))
		lane_run(lane, b);
}

static void lane_change(void *owner, bool up)
{
	struct lane *lane = owner;
	struct record *r = lane->record;

	if (up)
		r->up[lane->kind]++;
	else if (atomic_fetch_sub(&r->up[lane->kind], 1) == 1)
		r->away_ms = clock_ms();
	if (up)
		log_info("record is there", LOG_INT("lane", lane - r->lanes));
	else
		log_warn("record is away", LOG_INT("lane", lane - r->lanes),
			LOG_TEXT("words", db_fault(lane->db)));
	loop_wake_send(lane->wake);
}

/* Items that wait too long, or for a record that is away, fail. */
static void inbox_expire(struct lane *lane, struct inbox *inbox, int64_t wait_ms)
{
	struct record *r = lane->record;
	int64_t now = clock_ms();
	struct ring late;

	ring_init(&late);
	(void)pthread_mutex_lock(&r->lock);
	while (!ring_empty(&inbox->items)) {
		struct record_item *item = RING_OF(inbox->items.next, struct record_item, link);

		if (now - item->since_ms <= wait_ms)
			break;
		ring_join(&late, &item->link);
		inbox->weight -= item_weight(item);
	}
	(void)pthread_mutex_unlock(&r->lock);
	while (!ring_empty(&late)) {
		struct record_item *item = RING_OF(late.next, struct record_item, link);

		ring_leave(&item->link);
		inbox->failed++;
		item_end(r, item, ERR_DB);
	}
}

static void lane_sweep(void *owner)
{
	struct lane *lane = owner;
	struct record *r = lane->record;
	int64_t wait_ms = r->up[lane->kind] ? r->options.wait_ms : AWAY_GRACE_MS;

	for (size_t i = 0; i < r->ops_n; i++)
		if (r->options.ops[i]->lane == lane->kind)
			inbox_expire(lane, &r->inboxes[i], wait_ms);
	while (!db_is_up(lane->db) && !ring_empty(&lane->halves)) {
		struct batch *b = RING_OF(lane->halves.next, struct batch, link);

		ring_leave(&b->link);
		batch_finish(b, b->settling ? ERR_DB_UNKNOWN : ERR_DB);
	}
	lane_work(lane);
	loop_timer_start(lane->timer, SWEEP_MS);
}

static void *lane_main(void *owner)
{
	struct lane *lane = owner;

	loop_run(lane->loop);
	return NULL;
}

static enum err lane_start(struct lane *lane)
{
	struct db_options db = lane->record->options.db;
	enum err e = loop_new(&lane->loop);

	ring_init(&lane->halves);
	db.on_change = lane_change;
	db.owner = lane;
	if (!e)
		e = loop_wake_new(lane->loop, lane_work, lane, &lane->wake);
	if (!e)
		e = loop_timer_new(lane->loop, lane_sweep, lane, &lane->timer);
	if (!e)
		e = loop_timer_new(lane->loop, lane_work, lane, &lane->company);
	if (!e)
		e = db_open(lane->loop, &db, &lane->db);
	if (e)
		return e;
	loop_timer_start(lane->timer, SWEEP_MS);
	lane->started = pthread_create(&lane->thread, NULL, lane_main, lane) == 0;
	return lane->started ? ERR_OK : ERR_SYSTEM;
}

static void lane_end(struct lane *lane)
{
	if (!lane->loop)
		return;
	if (lane->wake)
		loop_wake_send(lane->wake);
	if (lane->started)
		(void)pthread_join(lane->thread, NULL);
	db_close(lane->db); /* what is under way ends here */
	while (lane->halves.next && !ring_empty(&lane->halves)) {
		struct batch *b = RING_OF(lane->halves.next, struct batch, link);

		ring_leave(&b->link);
		batch_finish(b, ERR_DB);
	}
	loop_timer_free(lane->timer);
	loop_timer_free(lane->company);
	loop_wake_free(lane->wake);
	loop_free(lane->loop);
}

/* ---- the whole ---- */

enum err record_open(const struct record_options *options, struct record **ret_record)
{
	struct record *r = calloc(1, sizeof *r);
	enum err e = r ? ERR_OK : ERR_NOMEM;

	if (e)
		goto out;
	r->options = *options;
	(void)pthread_mutex_init(&r->lock, NULL);
	for (; options->ops[r->ops_n] && r->ops_n < OPS_MAX; r->ops_n++)
		ring_init(&r->inboxes[r->ops_n].items);
	if (options->ops[r->ops_n]) {
		e = ERR_TOO_LARGE; /* an operation without an inbox would never be run */
		goto out;
	}
	for (size_t kind = 0; kind < RECORD_LANES; kind++)
		r->lanes_n += options->lanes[kind];
	r->lanes = calloc(r->lanes_n, sizeof *r->lanes);
	if (!r->lanes) {
		e = ERR_NOMEM;
		goto out;
	}
	for (size_t kind = 0, i = 0; kind < RECORD_LANES; kind++)
		for (size_t k = 0; !e && k < options->lanes[kind]; k++, i++) {
			r->lanes[i].record = r;
			r->lanes[i].kind = (enum record_lane)kind;
			e = lane_start(&r->lanes[i]);
		}
	if (e)
		goto out;
	*ret_record = r;
	r = NULL;
out:
	record_close(r);
	return e;
}

void record_close(struct record *r)
{
	if (!r)
		return;
	r->stop = true;
	for (size_t i = 0; r->lanes && i < r->lanes_n; i++)
		lane_end(&r->lanes[i]);
	for (size_t i = 0; i < r->ops_n; i++)
		while (!ring_empty(&r->inboxes[i].items)) {
			struct record_item *item =
				RING_OF(r->inboxes[i].items.next, struct record_item, link);

			ring_leave(&item->link);
			item_end(r, item, ERR_DB);
		}
	(void)pthread_mutex_destroy(&r->lock);
	free(r->lanes);
	free(r);
}

/* Under the lock: who shall look at it? An idle lane, which is then no longer idle. */
static struct lane *lane_free(struct record *r, enum record_lane kind)
{
	for (size_t i = 0; i < r->lanes_n; i++) {
		struct lane *lane = &r->lanes[i];

		if (lane->kind == kind && lane->idle) {
			lane->idle = false;
			return lane;
		}
	}
	return NULL;
}

enum err record_add(struct record *r, struct record_item *item)
{
	size_t op = op_index(r, item->op);
	struct lane *lane;

	if (r->stop || op == r->ops_n)
		return ERR_UNAVAILABLE;
	if (!r->up[item->op->lane] && clock_ms() - r->away_ms > AWAY_GRACE_MS)
		return ERR_DB;
	if (atomic_fetch_add(&r->pending, 1) >= r->options.pending_max) {
		atomic_fetch_sub(&r->pending, 1);
		return ERR_UNAVAILABLE;
	}
	item->since_ms = clock_ms();
	item->outcome = ERR_OK;
	(void)pthread_mutex_lock(&r->lock);
	ring_join(&r->inboxes[op].items, &item->link);
	r->inboxes[op].weight += item_weight(item);
	lane = lane_free(r, item->op->lane);
	(void)pthread_mutex_unlock(&r->lock);
	if (lane)
		loop_wake_send(lane->wake);
	return ERR_OK;
}

bool record_is_up(const struct record *r, enum record_lane lane)
{
	return r->up[lane] > 0;
}

size_t record_pending(const struct record *r)
{
	return r->pending;
}

void record_counts_read(const struct record *r, size_t op, struct record_counts *ret)
{
	const struct inbox *inbox = &r->inboxes[op];

	*ret = (struct record_counts){.batches = inbox->batches,
		.items = inbox->done,
		.failed = inbox->failed,
		.us = inbox->us};
}
