/* retry.h - may a failed attempt be followed by another, and when.
 *
 * The wait before attempt n + 1 is drawn evenly from 0 to min(cap, base * 2^(n-1))
 * (full jitter: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter),
 * and always lands before the deadline. An upstream's Retry-After is a floor: the
 * jitter comes on top of it; when it alone reaches beyond the deadline there is
 * no point in waiting, and the caller may fail over or give up.
 *
 * Threads: pure; chance is the caller's, so that a test can choose it. */
#ifndef DOMAIN_RETRY_H
#define DOMAIN_RETRY_H

#include "ground/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RETRY_MARGIN_MS = 100 }; /* of an attempt that would start this close to the deadline */

struct retry_rule {
	int64_t base_ms, cap_ms;
};

struct retry_question {
	enum err error; /* how the attempt ended */
	int attempt;	/* which one: 1 is the first */
	int attempts_max;
	int64_t left_ms;	/* until the job's deadline */
	int64_t retry_after_ms; /* the upstream's wish; 0 = none */
	bool elsewhere;		/* the next attempt has another key, upstream or model */
};

enum retry_verdict {
	RETRY_AGAIN,	 /* after wait_ms */
	RETRY_NOT,	 /* the error is final: the job fails with it */
	RETRY_DROP,	 /* the job is another's by now */
	RETRY_EXHAUSTED, /* no attempt is left: fails with the error, the job is dead */
	RETRY_TOO_LATE,	 /* no time is left for another: the deadline decides */
	RETRY_BEYOND	 /* Retry-After exceeds the time left: fail over, else fail */
};

struct retry_answer {
	enum retry_verdict verdict;
	int64_t wait_ms; /* RETRY_AGAIN only */
};

/* chance: any 64 random bits. */
struct retry_answer retry_decide(
	const struct retry_rule *rule, const struct retry_question *question, uint64_t chance);
/* The longest wait after this attempt, without deadline or Retry-After. */
int64_t retry_ceiling_ms(const struct retry_rule *rule, int attempt);

/* A Retry-After header (RFC 9110, 10.2.3): seconds or an HTTP date, in one of its three forms.
 * Returns the wait from now_ms (unix), 0 for a date that passed, at most a day; -1 when it is
 * neither. */
int64_t retry_after_parse(const char *text, size_t len, int64_t now_ms);

#endif
