/* board.h - the queues as the leader last saw them, and what it remembers about each.
 *
 * A look at the record writes a fresh page of queues; what is remembered (the turn
 * of tenants, the topic, the allotment told) is carried over from the page before.
 *
 * Threads: the scheduler's.  Memory: BOARD_MAX queues, the most there can be. */
#ifndef SCHEDULER_BOARD_H
#define SCHEDULER_BOARD_H

#include "kafka_admin.h"
#include "stores/dispatch.h"
#include "stores/queue.h"
#include "window.h"

enum { BOARD_MAX = 1000 };

enum topic { TOPIC_UNKNOWN, TOPIC_THERE };

struct board_queue {
	int32_t id;
	char name[QUEUE_NAME_MAX + 1];
	/* remembered */
	int64_t running;    /* leases, when they were last counted */
	struct id after;    /* the tenant whose turn was last; zero = all had one */
	enum topic topic;   /* is its topic made? */
	double tokens;	    /* starts its rate has saved up, at most a second's */
	int64_t tokens_ms;  /* when they were counted */
	uint64_t sent;	    /* jobs that the leader dispatched */
	int64_t allot_told; /* what producers were last told; -1 = nothing yet */
};

struct board {
	struct board_queue pages[2][BOARD_MAX];
	struct board_queue *queues;	  /* the present page; NULL before the first look */
	struct window windows[BOARD_MAX]; /* of queues, in their order */
	size_t n;
	int64_t slots, workers, running;
	bool caps;   /* some queue is capped */
	bool rates;  /* some queue has a rate */
	bool ready;  /* something is ready or dispatched */
	bool lively; /* or running */
	/* the sum of what is ready, dispatched and running, and when it was another one last */
	int64_t sum, moved_ms;
};

void board_see(struct board *board, const struct dispatch_look *look, int64_t now_ms);
/* Jobs of a queue were dispatched: its rate pays for them. */
void board_spend(struct board_queue *queue, size_t jobs);
bool board_rated(const struct board *board, size_t i);
/* NULL when it is not (or no longer) there. */
struct board_queue *board_find(struct board *board, int32_t id);
struct board_queue *board_find_name(struct board *board, const char *name);
/* Plans each queue's window. */
void board_plan(struct board *board, int64_t extra_percent);
/* Queues whose topics are yet to be made, or in doubt. */
void board_topics_ask(struct board *board, struct survey_topics *ret_topics);
/* None of them is taken for granted any more. */
void board_topics_doubt(struct board *board);
void board_topics_made(struct board *board, const struct survey_topics *topics);

#endif
