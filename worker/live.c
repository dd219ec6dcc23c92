#include "live.h"

#include "beat.h"
#include "claim.h"
#include "connect/redis.h"
#include "domain/live_channel.h"
#include "ground/log.h"
#include "job.h"
#include "live_batch.h"
#include "ports/scratch.h"
#include "sealing.h"
#include "stores/queue.h"
#include "worker.h"
#include "writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATE_BYTES_MAX = 256 << 10, WHY_MAX = 1024, EARLY_ROOM = QUEUE_NAME_MAX + 32 };

struct live {
	struct worker *worker;
	struct scratch *scratch, *follower; /* NULL: no Redis is configured */
	struct live_batch batch;
	struct buf states;
	struct ring fresh; /* jobs with their attempt's first text */
	struct ring dirty; /* jobs with more */
	struct loop_timer *timer, *record_timer;
	int64_t flushed_ms;
	bool due;   /* the dirty ones go with the end of this turn */
	bool lossy; /* something did not get through: the record must have it */
};

bool live_redis_is_up(const struct live *l)
{
	return l->scratch && scratch_is_up(l->scratch);
}

static bool live_is_up(const struct live *l)
{
	return live_redis_is_up(l) && !l->lossy;
}

void live_touch(struct live *l, struct job *job)
{
	const int64_t rest = l->flushed_ms + l->worker->config->worker.live_flush_ms -
			     loop_now_ms(l->worker->loop);

	if (job->dirty.next)
		return;
	if (job->output.told == 0) {
		ring_join(&l->fresh, &job->dirty);
		return;
	}
	ring_join(&l->dirty, &job->dirty);
	if (!loop_timer_active(l->timer))
		loop_timer_start(l->timer, rest > 0 ? rest : 0);
}

/* ---- batches of text ---- */

static void on_batch(void *owner, enum err e, const struct scratch_reply *reply)
{
	struct live *l = owner;

	if (e)
		l->lossy = true;
	for (size_t i = 0; !e && i < scratch_count(reply); i++) {
		const char *text = scratch_bytes(scratch_item(reply, i), NULL);
		struct id id;
		struct job *job = text && id_uuid_parse(text, &id)
					  ? job_table_find(&l->worker->jobs, id)
					  : NULL;

		if (job && output_unwritten(&job->output) && !job->ending)
			writer_add(l->worker->writer, job);
	}
}

static void batch_send(struct live *l)
{
	const int64_t promised_s = l->worker->config->redis.live_ttl_s;
	const int64_t ttl_s = promised_s + promised_s / 4;

	if (!l->batch.n)
		return;
	if (!l->scratch || !scratch_is_up(l->scratch) ||
		live_batch_send(&l->batch, ttl_s, l->scratch, on_batch, l) != ERR_OK)
		l->lossy = true;
	live_batch_reset(&l->batch);
}

/* Redis is told to keep a stream a quarter longer than was promised, and told again only when that
 * quarter is over. */
static enum live_piece_word piece_word(const struct live *l, struct job *job, bool first)
{
	const int64_t now = loop_now_ms(l->worker->loop);

	if (!first && now - job->kept_ms < l->worker->config->redis.live_ttl_s * 1000 / 4)
		return LIVE_PIECE_NEXT;
	job->kept_ms = now;
	return first ? LIVE_PIECE_FIRST : LIVE_PIECE_KEEP;
}

static void piece_add(struct live *l, const struct job *job, const struct live_piece *piece)
{
	struct sealed_box box;

	sealing_open(&box, job);
	live_batch_add(&l->batch, &box, piece);
	sealed_box_close(&box);
}

void live_tell(struct live *l, struct job *job)
{
	const size_t from = job->output.told;
	const struct buf *text = job_text(job);
	const int64_t seq = output_tell(&job->output, text->len);

	ring_leave(&job->dirty);
	if (output_is_low(&job->output) && !job->ending && job->step == STEP_call)
		writer_add(l->worker->writer, job);
	if (!seq || !l->scratch)
		return;
	if (live_batch_full(&l->batch))
		batch_send(l);
	piece_add(l, job,
		&(struct live_piece){job->id, job->fence, seq,
			{text->bytes + from, text->len - from}, piece_word(l, job, from == 0)});
}

/* ---- states ---- */

static void states_send(struct live *l)
{
	const struct scratch_arg args[] = {
		SCRATCH_TEXT("PUBLISH"),
		SCRATCH_TEXT(LIVE_STATE_CHANNEL),
		{l->states.bytes, l->states.len},
	};

	/* Watchers look at the record once a second anyway: a lost line costs them that. */
	if (l->states.len && scratch_send(l->scratch, args, 3, NULL, NULL) != ERR_OK)
		log_debug("states not published");
	buf_reset(&l->states);
}

void live_state(struct live *l, const struct job *job, const char *state)
{
	char uuid[ID_UUID_MAX];

	if (!l->scratch)
		return;
	id_uuid(job->id, uuid);
	if (buf_printf(&l->states, "%s %s\n", uuid, state) == ERR_OK)
		return;
	states_send(l); /* full: the line goes with those to come */
	(void)buf_printf(&l->states, "%s %s\n", uuid, state);
}

/* ---- when ---- */

void live_flush(struct live *l)
{
	while (!ring_empty(&l->fresh))
		live_tell(l, RING_OF(l->fresh.next, struct job, dirty));
	if (l->due) {
		l->due = false;
		l->flushed_ms = loop_now_ms(l->worker->loop);
		while (!ring_empty(&l->dirty))
			live_tell(l, RING_OF(l->dirty.next, struct job, dirty));
	}
	batch_send(l);
	if (l->scratch)
		states_send(l);
}

static void on_timer(void *owner)
{
	struct live *l = owner;

	l->due = true;
}

/* Watchers who cannot see Redis, or not all of it, read the record. */
static void on_record_timer(void *owner)
{
	struct live *l = owner;

	if (!live_is_up(l))
		writer_add_all(l->worker->writer);
	l->lossy = false;
	loop_timer_start(l->record_timer, l->worker->config->worker.run_flush_ms);
}

static void on_change(void *owner, bool up)
{
	struct live *l = owner;

	l->lossy = true;
	if (!up)
		log_warn("Redis is away: running text goes to the record");
}

/* ---- what others say: new jobs, cancels ---- */

void live_hear_early(struct live *l, const char *queue, int32_t partition, bool hear)
{
	char channel[EARLY_ROOM];

	if (!l->follower)
		return;
	snprintf(channel, sizeof(channel), LIVE_EARLY_OF "%d:%s", (int)partition, queue);
	if (!hear)
		scratch_unfollow(l->follower, channel);
	else if (scratch_follow(l->follower, channel) != ERR_OK)
		log_debug("early words are not heard", LOG_TEXT("queue", queue));
}

static void cancels(struct live *l, const char *bytes, size_t len)
{
	char uuid[ID_UUID_MAX];
	struct id id;
	bool mine = false;

	for (size_t at = 0; at + ID_UUID_MAX - 1 <= len && !mine; at += ID_UUID_MAX) {
		memcpy(uuid, bytes + at, ID_UUID_MAX - 1);
		uuid[ID_UUID_MAX - 1] = '\0';
		mine = id_uuid_parse(uuid, &id) && job_table_find(&l->worker->jobs, id);
	}
	if (mine)
		beat_now(l->worker->beat);
}

static void on_message(void *owner, const char *channel, const char *bytes, size_t len)
{
	const size_t prefix = sizeof(LIVE_EARLY_OF) - 1;
	struct live *l = owner;
	const char *queue;

	if (strncmp(channel, LIVE_EARLY_OF, prefix) != 0)
		cancels(l, bytes, len);
	else if ((queue = strchr(channel + prefix, ':')) && l->worker->claim)
		claim_early(l->worker->claim, queue + 1, bytes, len);
}

/* ---- opening ---- */

static enum err connections_open(struct live *l)
{
	const struct worker *w = l->worker;
	struct scratch_options hooks = {.on_change = on_change, .owner = l};
	struct buf why;
	enum err e;

	buf_init(&why, WHY_MAX);
	e = redis_open(w->config, w->loop, &hooks, &why, &l->scratch);
	if (!e)
		e = live_batch_script(&l->batch, l->scratch);
	hooks.on_change = NULL;
	hooks.on_message = on_message;
	if (!e)
		e = redis_open(w->config, w->loop, &hooks, &why, &l->follower);
	if (!e)
		e = scratch_follow(l->follower, LIVE_CANCEL_CHANNEL);
	if (e)
		log_error("Redis cannot be used", LOG_ERR(e),
			LOG_TEXT("why", why.bytes ? why.bytes : ""));
	buf_clear(&why);
	return e;
}

enum err live_new(struct worker *w, struct live **ret_live)
{
	struct live *l = calloc(1, sizeof(*l));
	enum err e;

	if (!l)
		return ERR_NOMEM;
	l->worker = w;
	ring_init(&l->fresh);
	ring_init(&l->dirty);
	buf_init(&l->states, STATE_BYTES_MAX);
	live_batch_init(&l->batch);
	e = loop_timer_new(w->loop, on_timer, l, &l->timer);
	if (!e)
		e = loop_timer_new(w->loop, on_record_timer, l, &l->record_timer);
	if (!e && w->config->redis.limits_url[0])
		e = connections_open(l);
	if (e) {
		live_free(l);
		return e;
	}
	loop_timer_start(l->record_timer, w->config->worker.run_flush_ms);
	*ret_live = l;
	return ERR_OK;
}

void live_free(struct live *l)
{
	if (!l)
		return;
	scratch_close(l->scratch);
	scratch_close(l->follower);
	loop_timer_free(l->timer);
	loop_timer_free(l->record_timer);
	live_batch_clear(&l->batch);
	buf_clear(&l->states);
	free(l);
}
