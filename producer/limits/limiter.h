/* limiter.h - may this request come now? Asked once for each, when it is known who calls.
 *
 * Requests that are limited are parked and gathered. One Lua call (limit_script.h)
 * takes all that wait, those of equal buckets as one. The next one leaves when that
 * is answered, and a few wait or a millisecond is over: so the busier it is, the more
 * share a call. All levels of a request are asked together; who is refused at one of
 * them is charged at none.
 *
 *   nothing is configured   no call, no park, one look at a flag
 *   Redis is away, silent for request_limits.deadline_ms, or there is none:
 *                           this producer's own buckets, each a limit's share by the number of
 *                           producers that live; from where Redis stood when last heard
 *
 * When Redis is back, or answers again after a silence, it is told what each producer
 * remembers, and left alone for a moment more, until all of them have: it may have been emptied,
 * and knows nothing of what was let in without it. That moment ends for all of them at once
 * (limit_return_script). It is told once more at the end, while
 * requests wait for it: what was charged here is handed over to the last one. An answer that
 * comes late begins all that anew.
 *
 * A failed look at a key (401) asks too, and so does a guest's call (http/route.h), at the
 * levels of those who are not known: the answer is then 429 where that is refused. Who is
 * refused for the credential's scopes is refused before, and not counted.
 *
 * Threads: any ask; the producer's loop sends and answers. One lock.
 * Memory: a block for each limited request; levels.h. */
#ifndef LIMITS_LIMITER_H
#define LIMITS_LIMITER_H

#include "domain/request_limit.h"
#include "http/request.h"

struct limiter;

enum { LIMITER_RETURN_MS = 2500 };

MUST_CHECK enum err limiter_new(struct producer *producer, struct limiter **ret_limiter);
/* Connects to Redis where there is one, on the producer's loop. */
MUST_CHECK enum err limiter_start(struct limiter *l);
/* Once the loop has ended and nothing is parked. NULL is fine. */
void limiter_stop(struct limiter *l);
void limiter_free(struct limiter *l);

/* On the server's thread; it may park r, and is asked again when r is resumed.
 *   ERR_OK            it may go on, or its limits are not asked
 *   ERR_RATE_LIMITED  limit_refuse answers it      ERR_UNAVAILABLE  limits are not known yet */
MUST_CHECK enum err limiter_check(struct request *r, bool *ret_parked);

struct limiter_counts {
	uint64_t admitted, local; /* local: decided without Redis, either way */
	uint64_t refused[LIMIT_LEVELS];
	uint64_t refused_lately[LIMIT_LEVELS]; /* in the last minute */
	bool shared;			       /* Redis decides */
};
struct limiter_counts limiter_counts(const struct limiter *l);

#endif
