/* kafka_admin.h - the questions to Kafka that may wait for an answer, on a thread of their own.
 *
 * Making topics and asking positions wait for the broker, seconds when it is away;
 * the leader must not. It hands a request to this thread and collects the answer
 * on a later turn. One request of each kind at a time; a second one is refused.
 *
 * Threads: the calls on the scheduler's; between the two stands one mutex, held
 * for copies only.  Memory: at most SURVEY_MAX positions and SURVEY_TOPICS_MAX names. */
#ifndef SCHEDULER_KAFKA_ADMIN_H
#define SCHEDULER_KAFKA_ADMIN_H

#include "ports/stream/admin.h"

#include <stdbool.h>
#include <stddef.h>

enum { SURVEY_MAX = 64, SURVEY_TOPICS_MAX = 64, SURVEY_NAME_MAX = 65 };

struct kafka_admin;

/* Who does the waiting, on the thread: admin.h's two calls, or a test's. */
struct kafka_admin_hands {
	enum err (*ensure)(void *owner, const char *const *queues, size_t n, int wait_ms);
	enum err (*survey)(void *owner, struct stream_position *positions, size_t n, int wait_ms);
	void *owner;
};
/* Starts the thread. ERR_NOMEM, ERR_SYSTEM */
MUST_CHECK enum err kafka_admin_new(
	const struct kafka_admin_hands *hands, struct kafka_admin **ret_kafka_admin);
/* The same with hands that ask Kafka. ERR_CONFIG, ERR_NOMEM, ERR_SYSTEM */
MUST_CHECK enum err kafka_admin_open(const struct stream_settings *settings, const char *group,
	struct kafka_admin **ret_kafka_admin);
/* Waits for the request under way (its deadline bounds it), ends the thread. NULL is fine. */
void kafka_admin_close(struct kafka_admin *s);

struct survey_topics {
	char names[SURVEY_TOPICS_MAX][SURVEY_NAME_MAX];
	size_t n;
	enum err err; /* in the answer */
};
struct survey_positions {
	struct stream_position list[SURVEY_MAX];
	size_t n;
	enum err err; /* in the answer */
};

/* Hands over a request: false when one is under way or its answer was not collected. */
bool kafka_admin_ensure(struct kafka_admin *s, const struct survey_topics *topics);
bool kafka_admin_ask(struct kafka_admin *s, const struct survey_positions *positions);
/* True once per request, when its answer is there. */
bool kafka_admin_ensured(struct kafka_admin *s, struct survey_topics *ret_topics);
bool kafka_admin_answered(struct kafka_admin *s, struct survey_positions *ret_positions);

#endif
