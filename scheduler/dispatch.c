#include "dispatch.h"

#include "config/config.h"
#include "connect/kafka.h"
#include "domain/dispatch_message.h"
#include "ground/clock.h"
#include "ground/log.h"
#include "publish_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BATCH_MAX = DISPATCH_MESSAGE_JOBS_MAX,
	LITE_EVERY_MS = 500,
	LEASES_EVERY_MS = 100, /* counting them costs more than all else */
	FLOW_IDLE_MS = 1000,
	CLOSE_WAIT_MS = 500,
	STILL_MS = 2000 /* a backlog that did not move for so long stands still */
};

struct dispatch {
	char *topic_prefix;
	struct stream_publisher *publisher; /* NULL without Kafka */
	struct kafka_admin *kafka_admin;
	struct board board;
	struct publish_report report;
	struct deficits deficits;
	size_t turn; /* which queue comes first: another one each time */
	int64_t look_ms, leases_ms, flow_ms;
	bool was_up;
	/* room for one call's rows */
	struct dispatch_key keys[BATCH_MAX];
	uint8_t message[DISPATCH_MESSAGE_BYTES_MAX];
	char topics[PUBLISH_REPORT_MAX][STREAM_TOPIC_MAX];
	struct dispatch_batch batches[PUBLISH_REPORT_MAX];
	struct dispatch_flow flow[BOARD_MAX];
};

static enum err stream_open(struct dispatch *d, struct loop *loop, const struct config *config)
{
	const struct stream_settings stream = kafka_settings(config, "longhaul-scheduler");
	char group[STREAM_TOPIC_MAX];
	enum err err;

	if (!*stream.brokers)
		return ERR_OK;
	snprintf(group, sizeof group, "%s.workers", stream.topic_prefix);
	err = stream_publisher_open(loop, &stream, publish_report_note, &d->report, &d->publisher);
	if (err == ERR_OK)
		err = kafka_admin_open(&stream, group, &d->kafka_admin);
	return err;
}

enum err dispatch_new(
	struct loop *loop, const struct config *config, struct dispatch **ret_dispatch)
{
	struct dispatch *d = calloc(1, sizeof *d);
	enum err err;

	if (!d)
		return ERR_NOMEM;
	d->was_up = true;
	d->topic_prefix = strdup(config->kafka.topic_prefix);
	err = d->topic_prefix ? stream_open(d, loop, config) : ERR_NOMEM;
	if (err != ERR_OK) {
		dispatch_free(d);
		return err;
	}
	*ret_dispatch = d;
	return ERR_OK;
}

void dispatch_free(struct dispatch *dispatch)
{
	if (!dispatch)
		return;
	stream_publisher_close(dispatch->publisher, CLOSE_WAIT_MS);
	kafka_admin_close(dispatch->kafka_admin);
	free(dispatch->topic_prefix);
	free(dispatch);
}

void dispatch_forget(struct dispatch *dispatch)
{
	dispatch->report.delivered_n = dispatch->report.failed_n = 0;
	dispatch->flow_ms = dispatch->leases_ms = 0;
	deficits_settle(&dispatch->deficits, 0);
}

bool dispatch_kafka_is_up(const struct dispatch *dispatch)
{
	return dispatch->publisher && stream_publisher_up(dispatch->publisher);
}

struct board *dispatch_board(struct dispatch *dispatch)
{
	return &dispatch->board;
}

struct kafka_admin *dispatch_kafka_admin(struct dispatch *dispatch)
{
	return dispatch->was_up ? dispatch->kafka_admin : NULL;
}

/* ---- where messages landed ---- */

static size_t landed_rows(struct dispatch *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->report.delivered_n; i++) {
		const struct published *report = &d->report.delivered[i];
		const struct board_queue *queue = board_find_name(&d->board, report->queue);

		if (!queue)
			continue;
		snprintf(
			d->topics[n], sizeof d->topics[n], "%s.%s", d->topic_prefix, report->queue);
		d->batches[n] = (struct dispatch_batch){
			.id = report->batch,
			.queue_id = queue->id,
			.jobs = report->jobs,
			.topic = d->topics[n],
			.partition = report->partition,
			.offset = report->offset,
			.sent_ms = clock_record_ms(),
		};
		n++;
	}
	return n;
}

/* Kept on failure: told again on the next turn. */
static enum err note_landed(struct leader *leader)
{
	struct dispatch *d = leader->dispatch;
	struct ask ask = {0};
	size_t n = landed_rows(d);
	enum err err = ERR_OK;

	if (n > 0)
		err = leader_wait(
			leader, dispatch_sent(leader->db, d->batches, n, ask_done, &ask), &ask);
	if (err == ERR_OK)
		d->report.delivered_n = 0;
	return err;
}

enum err dispatch_take_back(
	struct leader *leader, const struct id *batches, size_t n, size_t *ret_n)
{
	struct ask ask = {0};
	enum err err = leader_wait(
		leader, dispatch_undo(leader->db, leader->term, batches, n, ask_work, &ask), &ask);

	if (err == ERR_OK)
		*ret_n = ask.n;
	return err;
}

/* A message that failed may have met a topic that is gone: it is made again first. */
static enum err undo_failed(struct leader *leader)
{
	struct dispatch *d = leader->dispatch;
	struct id ids[PUBLISH_REPORT_MAX];
	size_t n = d->report.failed_n, jobs = 0;
	enum err err;

	if (n == 0)
		return ERR_OK;
	for (size_t i = 0; i < n; i++) {
		struct board_queue *queue = board_find_name(&d->board, d->report.failed[i].queue);

		ids[i] = d->report.failed[i].batch;
		if (queue && queue->topic == TOPIC_THERE)
			queue->topic = TOPIC_UNKNOWN;
	}
	err = dispatch_take_back(leader, ids, n, &jobs);
	if (err != ERR_OK)
		return err;
	d->report.failed_n = 0;
	leader->tally.unsent += jobs;
	return ERR_OK;
}

/* ---- looking ---- */

struct look_ask {
	struct ask ask;
	struct board *board;
};

static void on_look(void *ctx, enum err e, const struct dispatch_look *look)
{
	struct look_ask *ask = ctx;

	ask->ask.err = e;
	if (e == ERR_OK)
		board_see(ask->board, look, clock_ms());
}

static enum err look(struct leader *leader)
{
	struct dispatch *d = leader->dispatch;
	struct look_ask ask = {.board = &d->board};
	bool leases = clock_ms() - d->leases_ms >= LEASES_EVERY_MS;
	enum err err = leader_wait(
		leader, dispatch_look(leader->db, leader->term, leases, on_look, &ask), &ask.ask);

	if (err != ERR_OK)
		return err;
	if (leases)
		d->leases_ms = clock_ms();
	board_plan(&d->board, leader->config->scheduler.window_extra_percent);
	return ERR_OK;
}

/* ---- is Kafka there, and are the topics? ---- */

/* When Kafka goes away every topic is in doubt: it may come back without them. Their making, asked
 * for again and again, is also what finds out that it is back. */
static void watch_kafka(struct dispatch *d)
{
	bool up = stream_publisher_up(d->publisher);

	if (up == d->was_up)
		return;
	d->was_up = up;
	if (up) {
		log_info("Kafka answers again");
		return;
	}
	log_warn("Kafka is away; workers claim from the tables");
	board_topics_doubt(&d->board);
}

static void topics_turn(struct dispatch *d)
{
	struct survey_topics topics;

	if (kafka_admin_ensured(d->kafka_admin, &topics)) {
		board_topics_made(&d->board, &topics);
		if (topics.err == ERR_OK)
			stream_publisher_mark_up(d->publisher);
		else
			log_debug("topics were not made", LOG_ERR(topics.err));
	}
	watch_kafka(d);
	board_topics_ask(&d->board, &topics);
	if (topics.n > 0 && kafka_admin_ensure(d->kafka_admin, &topics))
		log_debug("making topics", LOG_INT("topics", (int64_t)topics.n));
}

/* ---- what producers may publish ---- */

static bool kafka_takes(struct dispatch *d, const struct board_queue *queue)
{
	return d->publisher && stream_publisher_up(d->publisher) && queue->topic == TOPIC_THERE;
}

static bool flow_rows(struct dispatch *d)
{
	bool changed = false;

	for (size_t i = 0; i < d->board.n; i++) {
		struct board_queue *queue = &d->board.queues[i];
		int64_t free_slots = d->board.slots - d->board.running;
		int64_t allot = kafka_takes(d, queue) ? d->board.windows[i].allot : 0;

		changed = changed || allot != queue->allot_told;
		queue->allot_told = allot;
		d->flow[i] = (struct dispatch_flow){
			.queue_id = queue->id,
			.free_slots = free_slots > 0 ? free_slots : 0,
			.allot = allot,
		};
	}
	return changed;
}

static enum err tell_producers(struct leader *leader)
{
	struct dispatch *d = leader->dispatch;
	struct ask ask = {0};
	int64_t since_ms = clock_ms() - d->flow_ms;
	enum err err;

	if (d->board.n == 0 || since_ms < leader->config->scheduler.allot_ms)
		return ERR_OK;
	if (!flow_rows(d) && !d->board.lively && since_ms < FLOW_IDLE_MS)
		return ERR_OK;
	err = leader_wait(leader,
		dispatch_flow(leader->db, leader->term, d->flow, d->board.n, ask_work, &ask), &ask);
	if (err == ERR_OK)
		d->flow_ms = clock_ms();
	return err;
}

/* ---- marking and publishing ---- */

struct pick_ask {
	struct ask ask;
	struct dispatch *dispatch;
	struct board_queue *queue;
};

static void on_picked(void *ctx, enum err e, const struct dispatch_picked *picked)
{
	struct pick_ask *pick = ctx;
	struct dispatch *d = pick->dispatch;

	pick->ask.err = e;
	if (e != ERR_OK)
		return;
	pick->ask.n = picked->n < BATCH_MAX ? picked->n : BATCH_MAX;
	for (size_t i = 0; i < pick->ask.n; i++)
		d->keys[i] = (struct dispatch_key){
			.tenant = picked->keys[i].tenant, .job = picked->keys[i].job};
	deficits_take(&d->deficits, pick->queue->id, picked->owed, picked->owed_n);
	pick->queue->after = picked->after;
}

static void publish(struct dispatch *d, const struct board_queue *queue, struct id batch, size_t n)
{
	size_t len = dispatch_message_write(batch, d->keys, n, d->message);

	if (stream_publisher_send(d->publisher, queue->name, -1, d->message, len, NULL) != ERR_OK)
		publish_report_fail(&d->report, batch, queue->name, n);
}

static enum err dispatch_batch(
	struct leader *leader, struct board_queue *queue, size_t max, size_t *ret_n)
{
	struct dispatch *d = leader->dispatch;
	struct pick_ask pick = {.dispatch = d, .queue = queue};
	const struct dispatch_ask ask = {
		.queue_id = queue->id,
		.batch = id_new(0),
		.after = queue->after,
		.deficits = &d->deficits,
		.max = max,
	};
	enum err err = leader_wait(
		leader, dispatch_pick(leader->db, leader->term, &ask, on_picked, &pick), &pick.ask);

	if (err != ERR_OK)
		return err;
	*ret_n = pick.ask.n;
	if (pick.ask.n == 0)
		return ERR_OK;
	board_spend(queue, pick.ask.n);
	if (kafka_takes(d, queue))
		publish(d, queue, ask.batch, pick.ask.n);
	leader->tally.dispatched += pick.ask.n;
	queue->sent += pick.ask.n;
	return ERR_OK;
}

static enum err dispatch_queue_turn(struct leader *leader, size_t i)
{
	struct dispatch *d = leader->dispatch;
	int64_t left = d->board.windows[i].pick;
	size_t size = window_batch(
		left, d->board.workers, (size_t)leader->config->scheduler.message_jobs);
	enum err err = ERR_OK;

	while (err == ERR_OK && left > 0) {
		size_t max = left < (int64_t)size ? (size_t)left : size, n = 0;

		err = dispatch_batch(leader, &d->board.queues[i], max, &n);
		left -= (int64_t)n;
		if (n == 0)
			break;
	}
	return err;
}

/* A rate is kept by marking, with Kafka or without: workers claim nothing unmarked of such a queue.
 */
static bool may_mark(struct dispatch *d, size_t i)
{
	return kafka_takes(d, &d->board.queues[i]) || board_rated(&d->board, i);
}

static enum err dispatch_all(struct leader *leader)
{
	struct dispatch *d = leader->dispatch;
	enum err err = ERR_OK;

	d->turn++;
	for (size_t k = 0; err == ERR_OK && k < d->board.n; k++) {
		size_t i = (d->turn + k) % d->board.n;

		if (d->board.windows[i].pick > 0 && may_mark(d, i))
			err = dispatch_queue_turn(leader, i);
	}
	return err;
}

/* Without Kafka and rates there is nothing to send, only numbers to keep. */
static bool may_rest(const struct dispatch *d)
{
	return !d->publisher && !d->board.rates && clock_ms() - d->look_ms < LITE_EVERY_MS;
}

/* A backlog that stands still, behind a cap or calls that hang, is looked at in the idle rhythm:
 * what frees it changes a number. */
static bool is_busy(const struct dispatch *d)
{
	if (d->board.rates || !d->publisher)
		return d->board.rates && d->board.ready;
	for (size_t i = 0; i < d->board.n; i++)
		if (d->board.windows[i].pick > 0)
			return true;
	return d->board.ready && d->look_ms - d->board.moved_ms < STILL_MS;
}

enum err dispatch_run(struct leader *leader, bool *ret_busy)
{
	struct dispatch *d = leader->dispatch;
	enum err err;

	if (may_rest(d))
		return ERR_OK;
	d->look_ms = clock_ms();
	err = note_landed(leader);
	if (err == ERR_OK)
		err = undo_failed(leader);
	if (err == ERR_OK)
		err = look(leader);
	if (err == ERR_OK && d->kafka_admin)
		topics_turn(d);
	if (err == ERR_OK)
		err = tell_producers(leader);
	if (err == ERR_OK)
		err = dispatch_all(leader);
	*ret_busy = is_busy(d);
	return err;
}
