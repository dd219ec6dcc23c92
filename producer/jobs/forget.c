#include "jobs/forget.h"

#include "access/actor.h"
#include "ground/log.h"
#include "producer.h"
#include "stores/job_change.h"

#include <stdlib.h>

struct forget {
	struct record_item item; /* first */
	struct job_key key;
	struct audit_actor by;
};

static void forgotten(void *ctx, enum err e, const struct db_reply *reply)
{
	record_batch_end(ctx, e);
}

static enum err forget_run(struct db *db, struct record_batch *batch)
{
	const struct forget *f = (struct forget *)(void *)batch->items[0];

	return job_forget(db, &f->key, 1, &f->by, forgotten, batch);
}

/* Who deleted it by reading would never hear of it. */
static void content_stays(struct job_key key, enum err e)
{
	log_warn("a job's content was read and stays: reading it again deletes it",
		LOG_ID("job", "job", key.job), LOG_ERR(e));
}

static void forget_done(struct record_item *item, enum err e)
{
	struct forget *f = (struct forget *)(void *)item;

	if (e)
		content_stays(f->key, e);
	free(f);
}

const struct record_op forget_op = {"forget", RECORD_SLOW, 1, forget_run, NULL};

void forget_start(struct request *r, struct job_key key)
{
	struct forget *f = calloc(1, sizeof *f);
	enum err e;

	if (!f) {
		content_stays(key, ERR_NOMEM);
		return;
	}
	f->item.op = &forget_op;
	f->item.done = forget_done;
	f->key = key;
	f->by = request_actor(r);
	e = record_add(r->producer->record, &f->item);
	if (e)
		forget_done(&f->item, e);
}
