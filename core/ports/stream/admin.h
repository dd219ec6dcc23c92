/* admin.h - makes topics, and asks how far a group has come.
 *
 * These calls wait for the broker, at most their deadline: they are for a thread
 * that may wait (the scheduler's kafka_admin), never for a loop.
 *
 * Threads: one thread at a time.  Memory: nothing is kept between calls. */
#ifndef PORTS_STREAM_ADMIN_H
#define PORTS_STREAM_ADMIN_H

#include "ground/err.h"
#include "ports/stream/settings.h"

#include <stddef.h>
#include <stdint.h>

struct stream_admin;

/* Where one partition stands. Unknown numbers are -1. */
struct stream_position {
	char queue[STREAM_TOPIC_MAX];
	int32_t partition;
	int64_t committed; /* the group's next offset; -1 when it never committed */
	int64_t low,
		high; /* watermarks: the topic holds low <= offset < high; -1 = no such topic */
};

MUST_CHECK enum err stream_admin_open(
	const struct stream_settings *settings, const char *group, struct stream_admin **ret_admin);
/* NULL is fine. */
void stream_admin_close(struct stream_admin *admin);

/* Makes the topics that are missing, as many partitions and
 * replicas each as the settings say (replicas 0: the broker's default), and returns when all exist.
 *   ERR_STREAM  the broker is away or refused one of them */
MUST_CHECK enum err stream_admin_ensure(
	struct stream_admin *admin, const char *const *queues, size_t n, int wait_ms);
/* Fills committed, low and high of positions[0..n), whose queue and partition are set.
 *   ERR_STREAM  the broker is away: nothing is known, least of all that anything is lost */
MUST_CHECK enum err stream_admin_survey(
	struct stream_admin *admin, struct stream_position *positions, size_t n, int wait_ms);

#endif
