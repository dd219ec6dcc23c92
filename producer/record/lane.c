#include "record/lane.h"

#include "ground/clock.h"
#include "ground/company.h"
#include "ground/log.h"
#include "ports/loop.h"

#include <stdlib.h>

enum { SWEEP_MS = 100, FEW = 8, COMPANY = 48, COMPANY_MS = 2 };

/* ---- the end of a batch ---- */

static void part_count(struct lane *lane, const struct batch *b, enum err e)
{
	struct record *r = lane->record;
	struct inbox *inbox = &r->inboxes[record_op_index(r, b->view.op)];

	inbox->batches++;
	inbox->done += b->view.n;
	if (b->began_us)
		inbox->us += (uint64_t)(clock_us() - b->began_us);
	if (err_http(e) < 500) /* the caller's doing */
		return;
	inbox->failed += b->view.n;
	log_warn("batch failed", LOG_TEXT("operation", b->view.op->name), LOG_ERR(e),
		LOG_INT("items", (int64_t)b->view.n), LOG_TEXT("words", db_fault(lane->db)));
}

/* The part's items are told; true when another part is to run. */
static bool part_tell(struct lane *lane, struct batch *b, enum err e)
{
	part_count(lane, b, e);
	for (size_t i = 0; i < b->view.n; i++)
		record_item_end(lane->record, b->view.items[i], e);
	return batch_next(b, e == ERR_OK);
}

/* What was to run again never will. */
static void again_drop(struct lane *lane)
{
	struct batch *b = lane->again;

	if (!b)
		return;
	while (part_tell(lane, b, b->settling ? ERR_DB_UNKNOWN : ERR_DB))
		;
	free(b);
	lane->again = NULL;
}

static bool settle_next(const struct lane *lane, struct batch *b)
{
	b->settling = b->view.op->settle && !lane->record->stop;
	return b->settling;
}

void lane_batch_ended(struct lane *lane, struct batch *b, enum err e)
{
	bool again;

	lane->under_way--;
	if (e == ERR_DB_UNKNOWN && !b->settling && settle_next(lane, b))
		again = true;
	else if (e == ERR_DB_DATA && batch_refused(b))
		again = true;
	else
		again = part_tell(lane, b, e);
	if (again)
		lane->again = b;
	else
		free(b);
	lane_wake(lane);
}

/* ---- taking ---- */

static bool another_commits(const struct lane *lane)
{
	const struct record *r = lane->record;

	for (size_t i = 0; i < r->lanes_n; i++)
		if (r->lanes[i].kind == lane->kind && r->lanes[i].under_way > 0)
			return true;
	return false;
}

/* Under the lock: until when the oldest waits for company. A few changes that come soon after
 * others gather; many do so in no time, and wait only while another lane is at work. */
static int64_t company_until_ms(
	const struct lane *lane, const struct inbox *inbox, const struct record_item *oldest)
{
	const int64_t company_ms = lane->record->options.company_ms;
	const int64_t gathered_ms = inbox->taken_ms + company_wait_ms(company_ms, inbox->taken_n);

	if (lane->kind == RECORD_SLOW)
		return oldest->since_ms + RECORD_NOTES_MS;
	if (lane->kind == RECORD_WRITES && inbox->weight < FEW && gathered_ms > clock_ms())
		return gathered_ms;
	return company_ms && another_commits(lane) ? oldest->since_ms + COMPANY_MS : 0;
}

/* Under the lock: few items wait a moment for company; so long, or 0. One commit of forty costs
 * Postgres half of two with twenty. */
static int64_t company_left_ms(const struct lane *lane, size_t op)
{
	const struct inbox *inbox = &lane->record->inboxes[op];
	const struct record_item *oldest = inbox_oldest(inbox);
	int64_t left_ms;

	if (!oldest || inbox->weight >= COMPANY || lane->record->options.ops[op]->weight_max == 1)
		return 0;
	left_ms = company_until_ms(lane, inbox, oldest) - clock_ms();
	return left_ms > 0 ? left_ms : 0;
}

/* Under the lock: as many as fit. NULL when nothing waits or out of memory. */
static struct batch *inbox_take(struct lane *lane, size_t i)
{
	struct record *r = lane->record;
	const struct record_op *op = r->options.ops[i];
	size_t max = r->options.weight_max;
	struct batch *b;

	if (max > op->weight_max)
		max = op->weight_max;
	b = batch_new(&r->inboxes[i], op, inbox_fit(&r->inboxes[i], max));
	if (b) {
		r->inboxes[i].taken_ms = clock_ms();
		r->inboxes[i].taken_n = b->view.n;
		b->view.record = r;
		b->view.lane = lane;
	}
	return b;
}

/* From the first inbox, in turn, that has enough. */
static struct batch *gathered_take(struct lane *lane)
{
	struct record *r = lane->record;
	struct batch *b = NULL;
	int64_t company = 0, left_ms;

	(void)pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < r->ops_n && !b; i++) {
		size_t op = lane->turn++ % r->ops_n;

		if (r->options.ops[op]->lane != lane->kind)
			continue;
		left_ms = company_left_ms(lane, op);
		if (!left_ms)
			b = inbox_take(lane, op);
		else if (!company || left_ms < company)
			company = left_ms;
	}
	lane->idle = !b && (!company || lane->kind == RECORD_SLOW);
	(void)pthread_mutex_unlock(&r->lock);
	if (!b && company)
		loop_timer_start(lane->company, company);
	return b;
}

static struct batch *lane_take(struct lane *lane)
{
	struct batch *b = lane->again;

	lane->again = NULL;
	return b ? b : gathered_take(lane);
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
		lane_batch_ended(lane, b, e == ERR_DB_UNKNOWN || e == ERR_DB_DATA ? ERR_DB : e);
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

void lane_wake(struct lane *lane)
{
	loop_wake_send(lane->wake);
}

/* ---- a record that is away ---- */

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
	lane_wake(lane);
}

/* Items that wait too long, or for a record that is away, fail. */
static void inbox_expire(struct record *r, struct inbox *inbox, int64_t wait_ms)
{
	struct ring late;

	ring_init(&late);
	(void)pthread_mutex_lock(&r->lock);
	inbox_late(inbox, clock_ms() - wait_ms, &late);
	(void)pthread_mutex_unlock(&r->lock);
	while (!ring_empty(&late)) {
		struct record_item *item = RING_OF(late.next, struct record_item, link);

		ring_leave(&item->link);
		inbox->failed++;
		record_item_end(r, item, ERR_DB);
	}
}

static void lane_sweep(void *owner)
{
	struct lane *lane = owner;
	struct record *r = lane->record;
	int64_t wait_ms = r->up[lane->kind] ? r->options.wait_ms : RECORD_AWAY_GRACE_MS;

	for (size_t i = 0; i < r->ops_n; i++)
		if (r->options.ops[i]->lane == lane->kind)
			inbox_expire(r, &r->inboxes[i], wait_ms);
	if (!db_is_up(lane->db))
		again_drop(lane);
	lane_work(lane);
	loop_timer_start(lane->timer, SWEEP_MS);
}

/* ---- birth and death ---- */

static void *lane_main(void *owner)
{
	struct lane *lane = owner;

	loop_run(lane->loop);
	return NULL;
}

enum err lane_start(struct lane *lane)
{
	struct db_options db = lane->record->options.db;
	enum err e = loop_new(&lane->loop);

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

void lane_end(struct lane *lane)
{
	if (!lane->loop)
		return;
	if (lane->wake)
		lane_wake(lane);
	if (lane->started)
		(void)pthread_join(lane->thread, NULL);
	db_close(lane->db); /* what is under way ends here */
	again_drop(lane);
	loop_timer_free(lane->timer);
	loop_timer_free(lane->company);
	loop_wake_free(lane->wake);
	loop_free(lane->loop);
}
