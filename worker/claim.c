#include "claim.h"

#include "beat.h"
#include "connect/kafka.h"
#include "counts.h"
#include "ground/clock.h"
#include "ground/company.h"
#include "ground/digest.h"
#include "ground/log.h"
#include "hints.h"
#include "intake.h"
#include "live.h"
#include "pools.h"
#include "ports/stream/consumer.h"
#include "served.h"
#include "stores/lease.h"
#include "stray.h"
#include "work.h"
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	KEYS_MAX = 500,
	HINTS_MAX = 64,
	IN_FLIGHT_MAX = 4,
	RETRY_MS = 200,
	LOOK_QUIETS = 10,
	CLOSE_MS = 3000,
	GROUP_ROOM = 256
};

struct claimer {
	struct worker *worker;
	struct stream_consumer *consumer; /* NULL: no Kafka is configured */
	struct hints hints;
	size_t reserved, in_flight;
	bool look; /* at the end of this turn */
	bool direct_asked;
	struct served *served;
	struct id after_tenant; /* whose turn was last */
	struct deficits deficits;
	int64_t hint_ms;   /* when the last message came */
	int64_t keys_ms;   /* when the last claim by keys went */
	size_t keys_n;	   /* of so many */
	int64_t direct_ms; /* when the next direct claim may go */
	int64_t looked_ms; /* when the last one went */
	int64_t quiet_ms;  /* nothing is asked before */
	int64_t pause_ms;
	struct loop_timer *timer, *gather;
	struct strays strays;
};

/* A claim by keys under way. */
struct claim_keys {
	struct claimer *claimer;
	struct id incarnation; /* that asked */
	int64_t sent_us;
	size_t n, hints_n;
	size_t parts[HINTS_MAX]; /* keys of each hint */
	struct job_key keys[KEYS_MAX];
	struct hint *hints[HINTS_MAX];
};

struct claim_more {
	struct claimer *claimer;
	struct id incarnation; /* that asked */
	int64_t sent_us;
	size_t asked, loads_n;
	struct claim_load loads[POOLS_MAX];
};

size_t claim_reserved(const struct claimer *claimer)
{
	return claimer->reserved;
}

bool claim_is_idle(const struct claimer *claimer)
{
	return claimer->in_flight == 0;
}

size_t claim_partitions(const struct claimer *claimer)
{
	return claimer->consumer ? stream_consumer_partitions(claimer->consumer) : 0;
}

void claim_wake(struct claimer *claimer)
{
	claimer->look = true;
}

void claim_doubt(struct claimer *claimer)
{
	strays_doubt(&claimer->strays);
	claimer->look = true;
}

/* Between 3/4 and 5/4 of ms, so that workers do not ask in step. */
static int64_t jittered(int64_t ms)
{
	uint16_t chance;

	digest_random(&chance, sizeof(chance));
	return ms * 3 / 4 + ms * chance / (2 * UINT16_MAX);
}

static void quiet(struct claimer *claimer, enum err e)
{
	log_warn("claims are refused", LOG_ERR(e),
		LOG_TEXT("why", db_fault(worker_db_claim(claimer->worker))));
	claim_doubt(claimer); /* it may be committed all the same */
	claimer->quiet_ms = loop_now_ms(claimer->worker->loop) + RETRY_MS;
	loop_timer_start(claimer->timer, RETRY_MS);
}

/* What an incarnation claimed that was declared dead meanwhile is not ours to run. */
static void take(
	struct claimer *claimer, struct id incarnation, const struct claim *claims, size_t n)
{
	if (n && id_equal(incarnation, claimer->worker->incarnation))
		intake_take(claimer->worker, claims, n);
}

static void answered(
	struct claimer *claimer, enum claim_way way, enum err e, size_t n, int64_t sent_us)
{
	counts_claim(claimer->worker->counts, way, e, n, clock_us() - sent_us);
	loop_work(claimer->worker->loop, WORK_claim);
}

/* ---- room ---- */

/* Of the worker's free slots, how many this queue may fill. */
static size_t room_of(const struct claimer *claimer, const char *queue)
{
	const struct worker *w = claimer->worker;
	const struct pools *pools = &w->jobs.pools;

	return pools_room(pools, pools_find_name(pools, queue), (size_t)w->config->worker.slots,
		worker_free_slots(w));
}

/* Messages of a queue that has no room stay where they are: nothing of another waits behind. */
static bool has_room(void *owner, const char *queue)
{
	return room_of(owner, queue) > 0;
}

/* ---- by keys ---- */

static void hint_settle(struct claimer *claimer, struct hint *hint, enum err e)
{
	hint->asked--;
	if (e)
		hint->at = 0; /* all of it again: what was claimed is ready no more */
	if (hint->asked || hint->at < hint->view.n)
		return;
	histogram_add(&claimer->worker->counts->dispatch_us, HISTOGRAM_FAST,
		(clock_record_ms() - id_ms(hint->view.batch)) * 1000);
	hints_end(&claimer->hints, hint);
}

/* Inputs come with these claims, and one that the record refuses would be asked for again for ever.
 * Such jobs are left to direct claims, whose inputs are read apart: see intake.h. */
static enum err by_itself(enum err e)
{
	return e == ERR_DB_DATA ? ERR_OK : e;
}

static void on_keys(void *ctx, enum err e, const struct claim *claims, size_t n)
{
	struct claim_keys *k = ctx;
	struct claimer *claimer = k->claimer;

	claimer->in_flight--;
	claimer->reserved -= k->n;
	claimer->look = true;
	answered(claimer, CLAIM_MESSAGE, e, n, k->sent_us);
	if (e)
		quiet(claimer, e);
	else
		take(claimer, k->incarnation, claims, n);
	for (size_t i = 0; i < k->hints_n; i++) {
		pools_answer(&claimer->worker->jobs.pools, k->hints[i]->message.queue, k->parts[i]);
		hint_settle(claimer, k->hints[i], by_itself(e));
	}
	free(k);
}

/* There is work again: look directly soon after the messages end, whatever the pause had grown to.
 * The rest may lie in partitions of a member that just died. */
static void hinted(struct claimer *claimer)
{
	const int64_t now = loop_now_ms(claimer->worker->loop);
	const int64_t soon = now + claimer->worker->config->worker.claim_quiet_ms;

	claimer->hint_ms = now;
	claimer->pause_ms = 0;
	if (claimer->direct_ms > soon)
		claimer->direct_ms = soon;
}

void claim_early(struct claimer *claimer, const char *queue, const char *bytes, size_t len)
{
	if (hints_hear(&claimer->hints, queue, bytes, len, room_of(claimer, queue)))
		claimer->look = true;
}

/* Adds what of the hint's keys there is room for; what is asked for is reserved at once. */
static void hint_ask(struct claimer *claimer, struct claim_keys *k, struct hint *hint, size_t room)
{
	const size_t own = room_of(claimer, hint->message.queue), before = k->n;

	hinted(claimer);
	if (room > before + own)
		room = before + own;
	for (; hint->at < hint->view.n && k->n < room; hint->at++) {
		const struct dispatch_key key = dispatch_message_key(&hint->view, hint->at);

		k->keys[k->n++] = (struct job_key){key.tenant, key.job};
	}
	claimer->reserved += k->n - before;
	pools_ask(&claimer->worker->jobs.pools, hint->message.queue, k->n - before);
	hint->asked++;
	k->parts[k->hints_n] = k->n - before;
	k->hints[k->hints_n++] = hint;
}

static void keys_gather(struct claimer *claimer, struct claim_keys *k, size_t room)
{
	struct hint *hint;

	if (room > KEYS_MAX)
		room = KEYS_MAX;
	while (k->n < room && k->hints_n < HINTS_MAX &&
		(hint = hints_next(&claimer->hints, has_room, claimer)))
		hint_ask(claimer, k, hint, room);
}

/* True when a claim was sent. */
static bool claim_by_keys(struct claimer *claimer)
{
	struct worker *w = claimer->worker;
	struct claim_keys *k = malloc(sizeof(*k));
	enum err e;

	if (!k)
		return false;
	k->claimer = claimer;
	k->incarnation = w->incarnation;
	k->sent_us = clock_us();
	k->n = k->hints_n = 0;
	keys_gather(claimer, k, worker_free_slots(w));
	if (!k->n) {
		free(k);
		return false;
	}
	claimer->in_flight++;
	claimer->keys_n = k->n;
	e = lease_claim_keys(worker_db_claim(w), w->incarnation, k->keys, k->n, on_keys, k);
	if (e)
		on_keys(k, e, NULL, 0);
	return !e;
}

/* A claim of four jobs costs the record hardly more than one of one: after a claim, messages gather
 * for a moment. Those that come to a quiet worker are claimed at once. */
static void claim_hinted(struct claimer *claimer)
{
	struct worker *w = claimer->worker;
	const int64_t now = loop_now_ms(w->loop);
	const int64_t wait_ms = company_wait_ms(w->config->worker.claim_wait_ms, claimer->keys_n);
	const int64_t rest = claimer->keys_ms + wait_ms - now;

	if (rest > 0) {
		if (!loop_timer_active(claimer->gather))
			loop_timer_start(claimer->gather, rest);
		return;
	}
	while (worker_free_slots(w) && claimer->in_flight < IN_FLIGHT_MAX && claim_by_keys(claimer))
		claimer->keys_ms = now;
}

/* ---- directly ---- */

static void on_direct(
	void *ctx, enum err e, const struct claim *claims, size_t n, const struct claim_turn *turn)
{
	struct claim_more *more = ctx;
	struct claimer *claimer = more->claimer;
	const struct config *c = claimer->worker->config;

	claimer->in_flight--;
	claimer->reserved -= more->asked;
	pools_answer_loads(&claimer->worker->jobs.pools, more->loads, more->loads_n);
	if (turn) {
		deficits_take(&claimer->deficits, 0, turn->owed, turn->owed_n);
		claimer->after_tenant = turn->after;
	}
	claimer->direct_asked = false;
	claimer->look = true;
	answered(claimer, CLAIM_DIRECT, e, n, more->sent_us);
	log_debug("claimed directly", LOG_INT("asked", (int64_t)more->asked),
		LOG_INT("jobs", (int64_t)n));
	if (n) {
		claimer->pause_ms = 0;
		take(claimer, more->incarnation, claims, n);
	} else {
		claimer->pause_ms =
			claimer->pause_ms ? claimer->pause_ms * 2 : c->worker.claim_poll_min_ms;
		if (claimer->pause_ms > c->worker.claim_poll_max_ms)
			claimer->pause_ms = c->worker.claim_poll_max_ms;
	}
	claimer->direct_ms = loop_now_ms(claimer->worker->loop) + jittered(claimer->pause_ms);
	if (e)
		quiet(claimer, e);
	free(more);
}

/* While messages come, those of others come to them; but who is full, or cut off from the record,
 * takes none and keeps its partitions. So whoever has room looks past the messages now and then:
 * each time that they have come without a pause for LOOK_QUIETS times what counts as one. */
static bool direct_is_due(const struct claimer *claimer)
{
	const int64_t now = loop_now_ms(claimer->worker->loop);
	const int64_t quiet = claimer->worker->config->worker.claim_quiet_ms;

	if (claimer->direct_asked || !served_is_known(claimer->served))
		return false;
	if (claimer->consumer && now - claimer->hint_ms < quiet)
		return now - claimer->looked_ms >= LOOK_QUIETS * quiet;
	return now >= claimer->direct_ms;
}

static void claim_directly(struct claimer *claimer)
{
	struct worker *w = claimer->worker;
	const size_t batch = (size_t)w->config->worker.claim_batch;
	const size_t max = worker_free_slots(w);
	struct claim_more *more = malloc(sizeof(*more));
	struct claim_direct ask = {
		.after_tenant = claimer->after_tenant, .deficits = &claimer->deficits};
	enum err e;

	if (!more)
		return;
	ask.max = max < batch ? max : batch;
	ask.queues = served_ids(claimer->served, &ask.queues_n);
	more->claimer = claimer;
	more->incarnation = w->incarnation;
	more->sent_us = clock_us();
	more->asked = ask.max;
	more->loads_n = pools_ask_loads(
		&w->jobs.pools, (size_t)w->config->worker.slots, worker_free_slots(w), more->loads);
	ask.loads = more->loads;
	ask.loads_n = more->loads_n;
	claimer->in_flight++;
	claimer->reserved += ask.max;
	claimer->direct_asked = true;
	claimer->looked_ms = loop_now_ms(w->loop);
	e = lease_claim_direct(worker_db_claim(w), w->incarnation, &ask, on_direct, more);
	if (e)
		on_direct(more, e, NULL, 0, NULL);
}

/* ---- when ---- */

static void timer_set(struct claimer *claimer)
{
	const int64_t now = loop_now_ms(claimer->worker->loop);
	int64_t at = claimer->direct_ms;

	if (claimer->consumer &&
		at < claimer->hint_ms + claimer->worker->config->worker.claim_quiet_ms)
		at = claimer->hint_ms + claimer->worker->config->worker.claim_quiet_ms;
	if (at < claimer->quiet_ms)
		at = claimer->quiet_ms;
	loop_timer_start(claimer->timer, at > now ? at - now : 1);
}

void claim_flush(struct claimer *claimer)
{
	struct worker *w = claimer->worker;

	if (!claimer->look)
		return;
	claimer->look = false;
	if (loop_now_ms(w->loop) < claimer->quiet_ms || !db_is_up(worker_db_claim(w)) ||
		!beat_vouches(w->beat, worker_db_claim(w))) {
		loop_timer_start(claimer->timer, RETRY_MS);
		return;
	}
	strays_flush(&claimer->strays);
	claim_hinted(claimer);
	if (worker_free_slots(w) && claimer->in_flight < IN_FLIGHT_MAX && direct_is_due(claimer))
		claim_directly(claimer);
	if (!worker_free_slots(w))
		loop_timer_start(
			claimer->timer, RETRY_MS); /* a beat that is acknowledged wakes nobody */
	else if (!claimer->direct_asked)
		timer_set(claimer);
}

static void on_timer(void *owner)
{
	struct claimer *claimer = owner;

	claimer->look = true;
}

static void on_ready(void *owner)
{
	claim_wake(owner);
}

static void on_part(void *owner, const char *queue, int32_t partition, bool held)
{
	struct claimer *claimer = owner;

	live_hear_early(claimer->worker->live, queue, partition, held);
}

/* ---- opening ---- */

static enum err consumer_open(struct claimer *claimer)
{
	const struct config *c = claimer->worker->config;
	const struct stream_settings settings = kafka_settings(c, "longhaul-worker");
	char group[GROUP_ROOM];
	enum err e;

	if (!c->kafka.brokers[0])
		return ERR_OK;
	snprintf(group, sizeof(group), "%s.workers", c->kafka.topic_prefix);
	e = stream_consumer_open(
		claimer->worker->loop, &settings, group, on_ready, claimer, &claimer->consumer);
	if (e)
		return e;
	claimer->hints.consumer = claimer->consumer;
	stream_consumer_tell_parts(claimer->consumer, on_part);
	return ERR_OK;
}

enum err claim_new(struct worker *w, struct claimer **ret_claimer)
{
	struct claimer *claimer = calloc(1, sizeof(*claimer));
	enum err e;

	if (!claimer)
		return ERR_NOMEM;
	claimer->worker = claimer->strays.worker = w;
	hints_init(&claimer->hints, w->loop);
	e = loop_timer_new(w->loop, on_timer, claimer, &claimer->timer);
	if (!e)
		e = loop_timer_new(w->loop, on_timer, claimer, &claimer->gather);
	if (!e)
		e = consumer_open(claimer);
	if (!e)
		e = served_new(w, claimer->consumer, &claimer->served);
	if (e) {
		claim_free(claimer);
		return e;
	}
	loop_timer_start(claimer->timer, 1);
	*ret_claimer = claimer;
	return ERR_OK;
}

void claim_free(struct claimer *claimer)
{
	if (!claimer)
		return;
	hints_clear(&claimer->hints);
	served_free(claimer->served);
	stream_consumer_close(claimer->consumer, CLOSE_MS);
	loop_timer_free(claimer->timer);
	loop_timer_free(claimer->gather);
	free(claimer);
}
