#include "lost_message.h"

#include "config/config.h"
#include "dispatch.h"
#include "ground/clock.h"
#include "ground/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_AFTER_MS = 2000 }; /* younger batches are not suspected */

struct suspect {
	struct id batch;
	int64_t offset;
	size_t position; /* in asked */
};

struct lost_messages {
	struct suspect suspects[SURVEY_MAX];
	size_t n;
	struct survey_positions asked;
	bool waiting; /* for the kafka_admin's answer */
	/* of one look */
	struct id gone[SURVEY_MAX]; /* no report came */
	size_t gone_n;
};

enum err lost_messages_new(struct lost_messages **ret_lost)
{
	struct lost_messages *lost = calloc(1, sizeof *lost);

	if (!lost)
		return ERR_NOMEM;
	*ret_lost = lost;
	return ERR_OK;
}

void lost_messages_free(struct lost_messages *lost)
{
	free(lost);
}

bool lost_message_judge(const struct stream_position *position, int64_t offset)
{
	return position->committed > offset || offset < position->low || offset >= position->high;
}

/* The place of a partition among those to ask about; SURVEY_MAX when there is no room. */
static size_t position_place(struct lost_messages *lost, const char *queue, int32_t partition)
{
	struct survey_positions *asked = &lost->asked;
	size_t i = 0;

	while (i < asked->n &&
		(asked->list[i].partition != partition || strcmp(asked->list[i].queue, queue) != 0))
		i++;
	if (i < asked->n || i == SURVEY_MAX)
		return i;
	snprintf(asked->list[i].queue, sizeof asked->list[i].queue, "%s", queue);
	asked->list[i].partition = partition;
	asked->n++;
	return i;
}

static void suspect(
	struct lost_messages *lost, const struct dispatch_batch *batch, const char *queue)
{
	size_t position = position_place(lost, queue, batch->partition);

	if (position == SURVEY_MAX || lost->n == SURVEY_MAX)
		return;
	lost->suspects[lost->n++] = (struct suspect){
		.batch = batch->id,
		.offset = batch->offset,
		.position = position,
	};
}

struct open_ask {
	struct ask ask;
	struct leader *leader;
};

static void on_open(void *ctx, enum err e, const struct dispatch_batch *batches, size_t n)
{
	struct open_ask *ask = ctx;
	struct lost_messages *lost = ask->leader->lost;
	struct board *board = dispatch_board(ask->leader->dispatch);

	ask->ask.err = e;
	for (size_t i = 0; e == ERR_OK && i < n; i++) {
		const struct board_queue *queue = board_find(board, batches[i].queue_id);
		int64_t age_ms = clock_record_ms() - batches[i].sent_ms;

		if (batches[i].offset >= 0 && queue)
			suspect(lost, &batches[i], queue->name);
		else if (age_ms > ask->leader->config->scheduler.report_timeout_ms &&
			 lost->gone_n < SURVEY_MAX)
			lost->gone[lost->gone_n++] = batches[i].id;
	}
}

static enum err take_back(
	struct leader *leader, const struct id *batches, size_t n, const char *why)
{
	size_t jobs = 0;
	enum err err;

	if (n == 0)
		return ERR_OK;
	err = dispatch_take_back(leader, batches, n, &jobs);
	if (err != ERR_OK)
		return err;
	leader->tally.lost += jobs;
	if (jobs)
		log_warn("dispatch messages were lost", LOG_TEXT("why", why),
			LOG_INT("batches", (int64_t)n), LOG_INT("jobs", (int64_t)jobs));
	return ERR_OK;
}

/* Looks at the open batches: the hopeless ones are taken back, the others asked about. */
static enum err look(struct leader *leader, bool *ret_busy)
{
	struct lost_messages *lost = leader->lost;
	struct open_ask ask = {.leader = leader};
	struct kafka_admin *kafka_admin = dispatch_kafka_admin(leader->dispatch);
	enum err err;

	if (!kafka_admin)
		return ERR_OK;
	lost->n = lost->asked.n = lost->gone_n = 0;
	err = leader_wait(leader,
		dispatch_open(leader->db, leader->term, LOOK_AFTER_MS, SURVEY_MAX, on_open, &ask),
		&ask.ask);
	if (err == ERR_OK)
		err = take_back(leader, lost->gone, lost->gone_n, "no delivery report");
	if (err == ERR_OK && lost->n > 0)
		lost->waiting = kafka_admin_ask(kafka_admin, &lost->asked);
	*ret_busy = lost->waiting;
	return err;
}

static enum err judge(struct leader *leader, const struct survey_positions *answer)
{
	struct lost_messages *lost = leader->lost;
	struct id passed[SURVEY_MAX];
	size_t n = 0;

	if (answer->err != ERR_OK)
		return ERR_OK;
	for (size_t i = 0; i < lost->n; i++)
		if (lost_message_judge(
			    &answer->list[lost->suspects[i].position], lost->suspects[i].offset))
			passed[n++] = lost->suspects[i].batch;
	return take_back(leader, passed, n, "passed without a claim, or wiped");
}

enum err lost_message_run(struct leader *leader, bool *ret_busy)
{
	struct lost_messages *lost = leader->lost;
	struct kafka_admin *kafka_admin = dispatch_kafka_admin(leader->dispatch);
	struct survey_positions answer;

	if (!lost->waiting)
		return look(leader, ret_busy);
	*ret_busy = true;
	if (!kafka_admin || !kafka_admin_answered(kafka_admin, &answer))
		return ERR_OK;
	lost->waiting = false;
	return judge(leader, &answer);
}
