#include "record/record.h"

#include "ground/clock.h"
#include "record/lane.h"

#include <stdlib.h>

void record_batch_end(struct record_batch *batch, enum err e)
{
	lane_batch_ended(batch->lane, (struct batch *)(void *)batch, e);
}

/* ---- birth and death ---- */

/* ERR_TOO_LARGE: an operation without an inbox would never be run. */
static enum err inboxes_make(struct record *r)
{
	const struct record_op *const *ops = r->options.ops;

	for (; ops[r->ops_n] && r->ops_n < RECORD_OPS_MAX; r->ops_n++)
		inbox_init(&r->inboxes[r->ops_n]);
	return ops[r->ops_n] ? ERR_TOO_LARGE : ERR_OK;
}

/* All of them have their kind before the first one runs: it looks at its neighbours. */
static enum err lanes_make(struct record *r)
{
	const size_t *lanes = r->options.lanes;
	size_t i = 0;

	for (size_t kind = 0; kind < RECORD_LANES; kind++)
		r->lanes_n += lanes[kind];
	r->lanes = calloc(r->lanes_n, sizeof *r->lanes);
	if (!r->lanes)
		return ERR_NOMEM;
	for (size_t kind = 0; kind < RECORD_LANES; kind++)
		for (size_t k = 0; k < lanes[kind]; k++, i++) {
			r->lanes[i].record = r;
			r->lanes[i].kind = (enum record_lane)kind;
		}
	return ERR_OK;
}

enum err record_open(const struct record_options *options, struct record **ret_record)
{
	struct record *r = calloc(1, sizeof *r);
	enum err e;

	if (!r)
		return ERR_NOMEM;
	r->options = *options;
	(void)pthread_mutex_init(&r->lock, NULL);
	e = inboxes_make(r);
	if (!e)
		e = lanes_make(r);
	for (size_t i = 0; !e && i < r->lanes_n; i++)
		e = lane_start(&r->lanes[i]);
	if (e)
		record_close(r);
	else
		*ret_record = r;
	return e;
}

void record_close(struct record *r)
{
	struct record_item *item;

	if (!r)
		return;
	r->stop = true;
	for (size_t i = 0; r->lanes && i < r->lanes_n; i++)
		lane_end(&r->lanes[i]);
	for (size_t i = 0; i < r->ops_n; i++)
		while ((item = inbox_pop(&r->inboxes[i])))
			record_item_end(r, item, ERR_DB);
	(void)pthread_mutex_destroy(&r->lock);
	free(r->lanes);
	free(r);
}

/* ---- adding ---- */

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
	size_t op = record_op_index(r, item->op);
	struct lane *lane = NULL;
	bool is_put;

	if (r->stop || op == r->ops_n)
		return ERR_UNAVAILABLE;
	if (!r->up[item->op->lane] && clock_ms() - r->away_ms > RECORD_AWAY_GRACE_MS)
		return ERR_DB;
	if (atomic_fetch_add(&r->pending, 1) >= r->options.pending_max) {
		atomic_fetch_sub(&r->pending, 1);
		return ERR_UNAVAILABLE;
	}
	item->since_ms = clock_ms();
	item->outcome = ERR_OK;
	(void)pthread_mutex_lock(&r->lock);
	is_put = inbox_put(&r->inboxes[op], item);
	if (is_put)
		lane = lane_free(r, item->op->lane);
	(void)pthread_mutex_unlock(&r->lock);
	if (!is_put)
		atomic_fetch_sub(&r->pending, 1);
	if (lane)
		lane_wake(lane);
	return is_put ? ERR_OK : ERR_RATE_LIMITED;
}

/* ---- what it says of itself ---- */

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

void record_loops_add(const struct record *r, enum record_lane kind, struct loop_health *sum)
{
	for (size_t i = 0; i < r->lanes_n; i++)
		if (r->lanes[i].kind == kind)
			loop_health_add(r->lanes[i].loop, sum);
}
