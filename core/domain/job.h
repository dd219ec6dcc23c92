/* job.h - the states of a job and the edges between them.
 *
 *            submit                    claim                    end
 *   (none) ---------> queued <-------------------> running ------------> completed
 *     |                 ^  ^      drain, lost        |   |                failed
 *     | run_at          |  |                         |   | cancel,        cancelled
 *     v         due     |  | operator's retry        |   | deadline       expired
 *   waiting ------------+  +--- failed, cancelled,   |
 *     ^                         expired              |
 *     +----------------- retry, breaker, limit ------+
 *
 * A terminal state is written once, under the job's row lock. An operator's retry of a job whose
 * run_at still lies ahead makes it wait for that again.
 *
 * Threads: pure.  Memory: static. */
#ifndef DOMAIN_JOB_H
#define DOMAIN_JOB_H

#include <stdbool.h>
#include <stddef.h>

#define JOB_STATE_TABLE(X)              \
	X(QUEUED, "queued", false)      \
	X(WAITING, "waiting", false)    \
	X(RUNNING, "running", false)    \
	X(COMPLETED, "completed", true) \
	X(FAILED, "failed", true)       \
	X(CANCELLED, "cancelled", true) \
	X(EXPIRED, "expired", true)

#define JOB_STATE_NAME(name, text, terminal) JOB_##name,
enum job_state { JOB_STATE_TABLE(JOB_STATE_NAME) JOB_STATES };
#undef JOB_STATE_NAME

/* The word used on the wire, in SQL and in logs. */
const char *job_state_text(enum job_state s);
/* JOB_STATES when text is none of them. */
enum job_state job_state_from_text(const char *text);
bool job_state_terminal(enum job_state s);
/* May a job go from one to the other? */
bool job_state_may(enum job_state from, enum job_state to);

/* What a job waits for. None is "" on the wire's inside and null outside. */
#define JOB_WAIT_TABLE(X)     \
	X(NONE, "")           \
	X(RUN_AT, "run_at")   \
	X(RETRY, "retry")     \
	X(BREAKER, "breaker") \
	X(KEY, "key")         \
	X(LIMIT, "limit")     \
	X(QUEUE, "queue")     \
	X(REVIEW, "review")   \
	X(SEALING, "sealing")

#define JOB_WAIT_NAME(name, text) JOB_WAIT_##name,
enum job_wait { JOB_WAIT_TABLE(JOB_WAIT_NAME) JOB_WAITS };
#undef JOB_WAIT_NAME

const char *job_wait_text(enum job_wait w);
/* JOB_WAITS when text is none of them. */
enum job_wait job_wait_from_text(const char *text);

enum { JOB_PRIORITY_BEST = 0, JOB_PRIORITY_LAST = 9, JOB_PRIORITY_USUAL = 5, JOB_QUEUE_MAX = 64 };
/* 1-64 of a-z 0-9 _ - . (it becomes part of a Kafka topic), starting with a letter or digit. */
bool job_queue_name_valid(const char *text, size_t len);

#endif
