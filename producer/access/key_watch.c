#include "access/key_watch.h"

#include "connect/keys.h"
#include "loops.h"
#include "ports/loop.h"
#include "producer.h"
#include "stores/key_epoch.h"

#include <stdlib.h>

enum { LOOK_MS = 100 };

struct key_watch {
	struct record_item item; /* first */
	struct producer *producer;
	struct loop_timer *timer;
	struct key_holder self;
	struct keys_told told;
	int64_t ticks; /* until the next report */
	_Atomic bool asking;
};

static void reported(void *ctx, enum err e, const struct key_state *state)
{
	struct record_batch *batch = ctx;

	if (!e)
		(void)keys_tell(
			&((struct key_watch *)(void *)batch->items[0])->told, state, "not ready");
	record_batch_end(batch, e);
}

static enum err report_run(struct db *db, struct record_batch *batch)
{
	const struct key_watch *k = (struct key_watch *)(void *)batch->items[0];

	return key_epoch_report(db, &k->self, k->producer->keyring, reported, batch);
}

const struct record_op key_watch_op = {"key_watch", RECORD_READS, 1, report_run, NULL};

static void report_done(struct record_item *item, enum err e)
{
	struct key_watch *k = (struct key_watch *)(void *)item;

	k->asking = false;
}

/* Without the active key it looks at every tick. */
static void tick(void *owner)
{
	struct key_watch *k = owner;

	loop_work(k->producer->loop, WORK_keys);
	loop_timer_start(k->timer, LOOK_MS);
	if (k->asking || (keyring_active(k->producer->keyring) && --k->ticks > 0))
		return;
	k->ticks = KEY_REPORT_EVERY_MS / LOOK_MS;
	keys_look(k->producer->config, k->producer->keyring, &k->told);
	k->item.op = &key_watch_op;
	k->item.done = report_done;
	k->asking = true;
	if (record_add(k->producer->record, &k->item))
		k->asking = false;
}

enum err key_watch_new(struct producer *p, struct key_watch **ret_watch)
{
	struct key_watch *k = calloc(1, sizeof *k);
	enum err e;

	if (!k)
		return ERR_NOMEM;
	k->producer = p;
	k->self = (struct key_holder){id_new(0), "producer"};
	e = loop_timer_new(p->loop, tick, k, &k->timer);
	if (e) {
		free(k);
		return e;
	}
	loop_timer_start(k->timer, 1);
	*ret_watch = k;
	return ERR_OK;
}

void key_watch_free(struct key_watch *k)
{
	if (!k)
		return;
	loop_timer_free(k->timer);
	free(k);
}
