#include "claim.h"

#include "beat.h"
#include "domain/dispatch_message.h"
#include "ground/digest.h"
#include "ground/log.h"
#include "intake.h"
#include "ports/stream/consumer.h"
#include "stores/lease.h"
#include "stores/queue.h"
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	KEYS_MAX = 500,
	HINTS_MAX = 64,
	IN_FLIGHT_MAX = 4,
	DIRECT_MAX = 1000,
	QUEUES_MAX = 1000,
	RETRY_MS = 200,
	QUEUES_MS = 2000,
	CLOSE_MS = 3000,
	GROUP_ROOM = 256
};

/* A taken message; its claims may be several when slots are few. */
struct hint {
	struct ring link;
	struct stream_message message;
	struct dispatch_message view;
	size_t at;    /* keys before it were claimed, or are being claimed */
	size_t asked; /* claims under way for it */
};

struct claim_desk {
	struct worker *worker;
	struct stream_consumer *consumer; /* NULL: no Kafka is configured */
	struct ring hints;
	size_t reserved, in_flight;
	bool look; /* at the end of this turn */
	bool direct_asked, queues_asked;
	bool all_queues;
	int32_t queue_ids[QUEUES_MAX];
	size_t queues_n; /* 0 with all_queues false: the list has not come yet */
	struct id after_tenant;
	int64_t hint_ms;   /* when the last message came */
	int64_t direct_ms; /* when the next direct claim may go */
	int64_t quiet_ms;  /* nothing is asked before */
	int64_t pause_ms;
	struct loop_timer *timer, *queues_timer;
};

/* A claim by keys under way. */
struct claim_keys {
	struct claim_desk *desk;
	struct id incarnation; /* that asked */
	size_t n, hints_n;
	struct job_key keys[KEYS_MAX];
	struct hint *hints[HINTS_MAX];
};

struct claim_more {
	struct claim_desk *desk;
	struct id incarnation; /* that asked */
	size_t asked;
};

size_t claim_reserved(const struct claim_desk *desk)
{
	return desk->reserved;
}

int claim_is_idle(const struct claim_desk *desk)
{
	return desk->in_flight == 0;
}

void claim_wake(struct claim_desk *desk)
{
	desk->look = true;
}

/* Between 3/4 and 5/4 of ms, so that workers do not ask in step. */
static int64_t jittered(int64_t ms)
{
	uint16_t chance;

	digest_random(&chance, sizeof(chance));
	return ms * 3 / 4 + ms * chance / (2 * UINT16_MAX);
}

static void quiet(struct claim_desk *desk, enum err e)
{
	log_warn("claims are refused", LOG_ERR(e),
		LOG_TEXT("why", db_fault(worker_db_claim(desk->worker))));
	desk->quiet_ms = loop_now_ms(desk->worker->loop) + RETRY_MS;
	loop_timer_start(desk->timer, RETRY_MS);
}

/* What an incarnation claimed that was declared dead meanwhile is not ours to run. */
static void take(
	struct claim_desk *desk, struct id incarnation, const struct claim *claims, size_t n)
{
	if (n && id_equal(incarnation, desk->worker->incarnation))
		intake_take(desk->worker, claims, n);
}

/* ---- by keys ---- */

static void hint_settle(struct claim_desk *desk, struct hint *hint, enum err e)
{
	hint->asked--;
	if (e)
		hint->at = 0; /* all of it again: what was claimed is ready no more */
	if (hint->asked || hint->at < hint->view.n)
		return;
	stream_consumer_done(desk->consumer, &hint->message);
	ring_leave(&hint->link);
	free(hint);
}

static void on_keys(void *ctx, enum err e, const struct claim *claims, size_t n)
{
	struct claim_keys *k = ctx;
	struct claim_desk *desk = k->desk;

	desk->in_flight--;
	desk->reserved -= k->n;
	desk->look = true;
	if (e)
		quiet(desk, e);
	else
		take(desk, k->incarnation, claims, n);
	for (size_t i = 0; i < k->hints_n; i++)
		hint_settle(desk, k->hints[i], e);
	free(k);
}

/* There is work again: look directly soon after the messages end, whatever the pause had grown to.
 * The rest may lie in partitions of a member that just died. */
static void hinted(struct claim_desk *desk)
{
	const int64_t now = loop_now_ms(desk->worker->loop);
	const int64_t soon = now + desk->worker->config->worker.claim_quiet_ms;

	desk->hint_ms = now;
	desk->pause_ms = 0;
	if (desk->direct_ms > soon)
		desk->direct_ms = soon;
}

/* Takes a message from Kafka; one that makes no sense is done with. */
static struct hint *hint_take(struct claim_desk *desk)
{
	struct stream_message message;
	struct hint *hint;

	while (desk->consumer && stream_consumer_take(desk->consumer, &message)) {
		hint = calloc(1, sizeof(*hint));
		if (!hint) {
			stream_consumer_drop(desk->consumer, &message);
			return NULL;
		}
		hint->message = message;
		if (dispatch_message_read(message.bytes, message.len, &hint->view) == ERR_OK) {
			ring_join(&desk->hints, &hint->link);
			hinted(desk);
			return hint;
		}
		log_warn("a dispatch message makes no sense", LOG_TEXT("queue", message.queue),
			LOG_INT("partition", message.partition));
		stream_consumer_done(desk->consumer, &message);
		free(hint);
	}
	return NULL;
}

/* The first message with keys that nobody asks for yet. */
static struct hint *hint_next(struct claim_desk *desk)
{
	for (struct ring *at = desk->hints.next; at != &desk->hints; at = at->next) {
		struct hint *hint = RING_OF(at, struct hint, link);

		if (hint->at < hint->view.n)
			return hint;
	}
	return hint_take(desk);
}

static void keys_gather(struct claim_desk *desk, struct claim_keys *k, size_t room)
{
	struct hint *hint;

	if (room > KEYS_MAX)
		room = KEYS_MAX;
	while (k->n < room && k->hints_n < HINTS_MAX && (hint = hint_next(desk))) {
		for (; hint->at < hint->view.n && k->n < room; hint->at++) {
			const struct dispatch_key key = dispatch_message_key(&hint->view, hint->at);

			k->keys[k->n++] = (struct job_key){key.tenant, key.job};
		}
		hint->asked++;
		k->hints[k->hints_n++] = hint;
	}
}

/* True when a claim was sent. */
static bool claim_by_keys(struct claim_desk *desk)
{
	struct worker *w = desk->worker;
	struct claim_keys *k = malloc(sizeof(*k));
	enum err e;

	if (!k)
		return false;
	k->desk = desk;
	k->incarnation = w->incarnation;
	k->n = k->hints_n = 0;
	keys_gather(desk, k, worker_free_slots(w));
	if (!k->n) {
		free(k);
		return false;
	}
	desk->in_flight++;
	desk->reserved += k->n;
	e = lease_claim_keys(worker_db_claim(w), w->incarnation, k->keys, k->n, on_keys, k);
	if (e)
		on_keys(k, e, NULL, 0);
	return !e;
}

/* ---- directly ---- */

static void on_direct(void *ctx, enum err e, const struct claim *claims, size_t n)
{
	struct claim_more *more = ctx;
	struct claim_desk *desk = more->desk;
	const struct config *c = desk->worker->config;

	desk->in_flight--;
	desk->reserved -= more->asked;
	desk->direct_asked = false;
	desk->look = true;
	log_debug("claimed directly", LOG_INT("asked", (int64_t)more->asked),
		LOG_INT("jobs", (int64_t)n));
	if (n) {
		desk->after_tenant = claims[n - 1].tenant;
		desk->pause_ms = 0;
		take(desk, more->incarnation, claims, n);
	} else {
		desk->pause_ms = desk->pause_ms ? desk->pause_ms * 2 : c->worker.claim_poll_min_ms;
		if (desk->pause_ms > c->worker.claim_poll_max_ms)
			desk->pause_ms = c->worker.claim_poll_max_ms;
	}
	desk->direct_ms = loop_now_ms(desk->worker->loop) + jittered(desk->pause_ms);
	if (e)
		quiet(desk, e);
	free(more);
}

static bool direct_is_due(const struct claim_desk *desk)
{
	const int64_t now = loop_now_ms(desk->worker->loop);

	if (desk->direct_asked || now < desk->direct_ms || (!desk->all_queues && !desk->queues_n))
		return false;
	return !desk->consumer ||
	       now - desk->hint_ms >= desk->worker->config->worker.claim_quiet_ms;
}

static void claim_directly(struct claim_desk *desk)
{
	struct worker *w = desk->worker;
	const size_t batch = (size_t)w->config->worker.claim_batch;
	size_t max = worker_free_slots(w);
	struct claim_more *more = malloc(sizeof(*more));
	struct claim_direct ask = {.after_tenant = desk->after_tenant};
	enum err e;

	if (!more)
		return;
	max = max < batch ? max : batch;
	ask.max = max < DIRECT_MAX ? max : DIRECT_MAX;
	if (!desk->all_queues) {
		ask.queues = desk->queue_ids;
		ask.queues_n = desk->queues_n;
	}
	*more = (struct claim_more){desk, w->incarnation, ask.max};
	desk->in_flight++;
	desk->reserved += ask.max;
	desk->direct_asked = true;
	e = lease_claim_direct(worker_db_claim(w), w->incarnation, &ask, on_direct, more);
	if (e)
		on_direct(more, e, NULL, 0);
}

/* ---- when ---- */

static void timer_set(struct claim_desk *desk)
{
	const int64_t now = loop_now_ms(desk->worker->loop);
	int64_t at = desk->direct_ms;

	if (desk->consumer && at < desk->hint_ms + desk->worker->config->worker.claim_quiet_ms)
		at = desk->hint_ms + desk->worker->config->worker.claim_quiet_ms;
	if (at < desk->quiet_ms)
		at = desk->quiet_ms;
	loop_timer_start(desk->timer, at > now ? at - now : 1);
}

void claim_flush(struct claim_desk *desk)
{
	struct worker *w = desk->worker;

	if (!desk->look)
		return;
	desk->look = false;
	if (loop_now_ms(w->loop) < desk->quiet_ms || !db_is_up(worker_db_claim(w))) {
		loop_timer_start(desk->timer, RETRY_MS);
		return;
	}
	while (worker_free_slots(w) && desk->in_flight < IN_FLIGHT_MAX && claim_by_keys(desk))
		;
	if (worker_free_slots(w) && desk->in_flight < IN_FLIGHT_MAX && direct_is_due(desk))
		claim_directly(desk);
	if (!worker_free_slots(w))
		loop_timer_start(
			desk->timer, RETRY_MS); /* a beat that is acknowledged wakes nobody */
	else if (!desk->direct_asked)
		timer_set(desk);
}

static void on_timer(void *owner)
{
	struct claim_desk *desk = owner;

	desk->look = true;
}

static void on_ready(void *owner)
{
	claim_wake(owner);
}

/* ---- which queues ---- */

static bool serves(const struct claim_desk *desk, const char *queue)
{
	const struct config_texts *names = &desk->worker->config->worker.queues;

	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->items[i], "*") == 0 || strcmp(names->items[i], queue) == 0)
			return true;
	return false;
}

static void on_queues(void *ctx, enum err e, const struct queue *queues, size_t n)
{
	struct claim_desk *desk = ctx;
	const char *names[QUEUES_MAX];

	desk->queues_asked = false;
	if (e)
		return;
	desk->queues_n = 0;
	for (size_t i = 0; i < n && desk->queues_n < QUEUES_MAX; i++) {
		if (!serves(desk, queues[i].name))
			continue;
		names[desk->queues_n] = queues[i].name;
		desk->queue_ids[desk->queues_n++] = queues[i].id;
	}
	if (desk->consumer &&
		stream_consumer_subscribe(desk->consumer, names, desk->queues_n) != ERR_OK)
		log_warn("cannot subscribe to the queues' topics");
}

static void on_queues_timer(void *owner)
{
	struct claim_desk *desk = owner;

	if (!desk->queues_asked)
		desk->queues_asked =
			queue_list(worker_db_claim(desk->worker), on_queues, desk) == ERR_OK;
	loop_timer_start(desk->queues_timer, desk->queues_n ? QUEUES_MS : RETRY_MS);
}

/* ---- opening ---- */

static enum err consumer_open(struct claim_desk *desk)
{
	const struct config *c = desk->worker->config;
	const struct stream_settings settings = {
		.brokers = c->kafka.brokers,
		.topic_prefix = c->kafka.topic_prefix,
		.client_id = "longhaul-worker",
		.session_timeout_ms = c->kafka.session_timeout_ms,
	};
	char group[GROUP_ROOM];

	if (!c->kafka.brokers[0])
		return ERR_OK;
	snprintf(group, sizeof(group), "%s.workers", c->kafka.topic_prefix);
	return stream_consumer_open(
		desk->worker->loop, &settings, group, on_ready, desk, &desk->consumer);
}

enum err claim_new(struct worker *w, struct claim_desk **ret_desk)
{
	struct claim_desk *desk = calloc(1, sizeof(*desk));
	const struct config_texts *names = &w->config->worker.queues;
	enum err e;

	if (!desk)
		return ERR_NOMEM;
	desk->worker = w;
	ring_init(&desk->hints);
	desk->all_queues = names->n == 1 && strcmp(names->items[0], "*") == 0;
	e = loop_timer_new(w->loop, on_timer, desk, &desk->timer);
	if (!e)
		e = loop_timer_new(w->loop, on_queues_timer, desk, &desk->queues_timer);
	if (!e)
		e = consumer_open(desk);
	if (e) {
		claim_free(desk);
		return e;
	}
	loop_timer_start(desk->timer, 1);
	loop_timer_start(desk->queues_timer, 1);
	*ret_desk = desk;
	return ERR_OK;
}

void claim_free(struct claim_desk *desk)
{
	if (!desk)
		return;
	while (!ring_empty(&desk->hints)) {
		struct hint *hint = RING_OF(desk->hints.next, struct hint, link);

		ring_leave(&hint->link);
		stream_consumer_drop(desk->consumer, &hint->message);
		free(hint);
	}
	stream_consumer_close(desk->consumer, CLOSE_MS);
	loop_timer_free(desk->timer);
	loop_timer_free(desk->queues_timer);
	free(desk);
}
