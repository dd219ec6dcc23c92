#include "board.h"

#include <stdio.h>
#include <string.h>

enum { MANY = 1 << 30 }; /* a depth that nobody counted to its end */

struct board_queue *board_find(struct board *board, int32_t id)
{
	for (size_t i = 0; i < board->n; i++)
		if (board->queues[i].id == id)
			return &board->queues[i];
	return NULL;
}

struct board_queue *board_find_name(struct board *board, const char *name)
{
	for (size_t i = 0; i < board->n; i++)
		if (strcmp(board->queues[i].name, name) == 0)
			return &board->queues[i];
	return NULL;
}

/* Queues keep their place as a rule: look there first. */
static const struct board_queue *known_queue(struct board *board, int32_t id, size_t at)
{
	if (at < board->n && board->queues[at].id == id)
		return &board->queues[at];
	return board_find(board, id);
}

/* A bucket of one second's starts, at least one, refilled by time. */
static int64_t allowance(struct board_queue *queue, double rate, int64_t now_ms)
{
	double most = rate > 1 ? rate : 1;

	if (rate <= 0)
		return INT64_MAX;
	queue->tokens += queue->tokens_ms ? rate * (double)(now_ms - queue->tokens_ms) / 1000 : 1;
	if (queue->tokens > most)
		queue->tokens = most;
	queue->tokens_ms = now_ms;
	return queue->tokens < 0 ? 0 : (int64_t)queue->tokens;
}

void board_spend(struct board_queue *queue, size_t jobs)
{
	queue->tokens -= (double)jobs;
}

bool board_rated(const struct board *board, size_t i)
{
	return board->windows[i].allowance != INT64_MAX;
}

static void see_queue(struct board *board, size_t at, const struct dispatch_queue *seen,
	struct board_queue *queue, int64_t now_ms)
{
	const struct board_queue *known = known_queue(board, seen->id, at);

	*queue = known ? *known : (struct board_queue){.id = seen->id, .allot_told = -1};
	snprintf(queue->name, sizeof queue->name, "%s", seen->name);
	if (seen->running >= 0)
		queue->running = seen->running;
	board->windows[at] = (struct window){
		.weight = seen->weight > 0 ? seen->weight : 1,
		.cap = seen->concurrency,
		.running = queue->running,
		.dispatched = seen->dispatched,
		.depth = seen->depth < DISPATCH_DEPTH_MAX ? seen->depth : MANY,
		.paused = seen->paused,
		.allowance = allowance(queue, seen->rate, now_ms),
	};
	board->running += queue->running;
	board->caps = board->caps || seen->concurrency > 0;
	board->rates = board->rates || seen->rate > 0;
	board->ready = board->ready || seen->dispatched || seen->depth;
	board->lively = board->lively || board->ready || queue->running;
}

void board_see(struct board *board, const struct dispatch_look *look, int64_t now_ms)
{
	size_t n = look->n < BOARD_MAX ? look->n : BOARD_MAX;
	struct board_queue *fresh = board->pages[board->queues == board->pages[0]];
	int64_t sum = 0;

	board->running = 0;
	board->caps = board->rates = board->ready = board->lively = false;
	for (size_t i = 0; i < n; i++) {
		see_queue(board, i, &look->queues[i], &fresh[i], now_ms);
		sum += fresh[i].running + look->queues[i].dispatched + look->queues[i].depth;
	}
	board->queues = fresh;
	board->n = n;
	board->slots = look->slots;
	board->workers = look->workers;
	if (sum != board->sum)
		board->moved_ms = now_ms;
	board->sum = sum;
}

void board_plan(struct board *board, int64_t extra_percent)
{
	window_plan(board->windows, board->n, board->slots, board->running, extra_percent);
}

void board_topics_ask(struct board *board, struct survey_topics *ret_topics)
{
	ret_topics->n = 0;
	for (size_t i = 0; i < board->n && ret_topics->n < SURVEY_TOPICS_MAX; i++) {
		struct board_queue *queue = &board->queues[i];

		if (queue->topic != TOPIC_UNKNOWN)
			continue;
		snprintf(ret_topics->names[ret_topics->n++], SURVEY_NAME_MAX, "%s", queue->name);
	}
}

void board_topics_doubt(struct board *board)
{
	for (size_t i = 0; i < board->n; i++)
		board->queues[i].topic = TOPIC_UNKNOWN;
}

void board_topics_made(struct board *board, const struct survey_topics *topics)
{
	for (size_t i = 0; i < topics->n; i++) {
		struct board_queue *queue = board_find_name(board, topics->names[i]);

		if (queue)
			queue->topic = topics->err == ERR_OK ? TOPIC_THERE : TOPIC_UNKNOWN;
	}
}
