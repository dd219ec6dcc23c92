/* attempt.h - what becomes of a delivery after an attempt.
 *
 *   2xx                         delivered
 *   410                         given up: the receiver says it is gone
 *   a url we must not call      given up: it is malformed, plain http, or off the tenant's list
 *   no memory, a key not here   deferred: the fault is ours, and uses up none of its attempts
 *   all else                    again, by the schedule; given up when that has ended
 *
 * What is deferred comes again every minute or so, for as long as the job's days: then its address
 * is gone with its input.
 *
 * Redirects are failures. Each wait has up to a fifth of jitter on either side, so
 * that a receiver that comes back is not met by everybody at once; Retry-After is
 * a floor below it, up to a day.
 *
 * Threads: pure.  Memory: values. */
#ifndef WORKER_DELIVERY_ATTEMPT_H
#define WORKER_DELIVERY_ATTEMPT_H

#include "stores/delivery.h"

enum { DELIVERY_MEND_MS = 60000 };

struct delivery_schedule {
	const int64_t *waits_s; /* before attempt 1, 2, ... */
	size_t n;
};

struct delivery_attempt {
	enum err err; /* ERR_OK: a reply came, see status */
	int status;
	int number;		/* from 1 */
	int64_t retry_after_ms; /* 0 or less = not asked */
	uint32_t chance;	/* random */
};

struct delivery_verdict {
	enum delivery_as as;
	int64_t delay_ms;
	enum err error; /* for the log */
};

struct delivery_verdict delivery_judge(
	const struct delivery_attempt *attempt, const struct delivery_schedule *schedule);

#endif
