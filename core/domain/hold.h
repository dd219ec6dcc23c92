/* hold.h - what holds an attempt back from its call.
 *
 * Finer than what a job waits for (job.h): an upstream's two limits are told apart, and
 * so is a limit of ours from one of the upstream's. The word stands in the record and on
 * the wire, the sentence is for people: "held by the upstream's limit of tokens".
 *
 * Threads: pure.  Memory: static. */
#ifndef DOMAIN_HOLD_H
#define DOMAIN_HOLD_H

#include "domain/job.h"
#include "ground/err.h"

/* name, word, the error of an attempt that it sends back, what the job waits for then, by what */
#define HOLD_TABLE(X)                                                                              \
	X(NONE, "", ERR_OK, JOB_WAIT_NONE, "nothing")                                              \
	X(REQUESTS, "requests", ERR_UP_PACING, JOB_WAIT_LIMIT, "the upstream's limit of requests") \
	X(TOKENS, "tokens", ERR_UP_PACING, JOB_WAIT_LIMIT, "the upstream's limit of tokens")       \
	X(CONCURRENCY, "concurrency", ERR_UP_CONCURRENCY, JOB_WAIT_LIMIT,                          \
		"the calls that the upstream may have at a time")                                  \
	X(RETRY_AFTER, "retry_after", ERR_UP_RETRY_AFTER, JOB_WAIT_LIMIT,                          \
		"the upstream's Retry-After")                                                      \
	X(RETRIES, "retries", ERR_UP_RETRY_BUDGET, JOB_WAIT_LIMIT,                                 \
		"the share of retries among the upstream's calls")                                 \
	X(BREAKER, "breaker", ERR_UP_BREAKER, JOB_WAIT_BREAKER, "the breaker of its model")        \
	X(KEY, "key", ERR_UP_KEY, JOB_WAIT_KEY, "its key, which the upstream refused")             \
	X(BLOCKED, "blocked", ERR_UP_BLOCKED, JOB_WAIT_BREAKER, "an operator's word")              \
	X(USER, "user_tokens", ERR_USER_TOKENS, JOB_WAIT_LIMIT, "the user's limit of tokens")      \
	X(ROLE, "role_tokens", ERR_ROLE_TOKENS, JOB_WAIT_LIMIT,                                    \
		"the limit of tokens of one of the user's roles")                                  \
	X(TENANT, "tenant_tokens", ERR_TENANT_TOKENS, JOB_WAIT_LIMIT,                              \
		"the tenant's limit of tokens")                                                    \
	X(GLOBAL, "global_tokens", ERR_GLOBAL_TOKENS, JOB_WAIT_LIMIT,                              \
		"the installation's limit of tokens")                                              \
	X(RECORD, "record", ERR_DB, JOB_WAIT_NONE, "its worker's silence from the record")
#define HOLD_NAME(name, word, err, wait, by) HOLD_##name,
enum hold { HOLD_TABLE(HOLD_NAME) HOLDS };
#undef HOLD_NAME

const char *hold_word(enum hold h);
/* For people, behind "held by". */
const char *hold_by(enum hold h);
enum job_wait hold_wait(enum hold h);
/* HOLD_NONE when text is none of them. */
enum hold hold_from_word(const char *text);
/* The first that sends back with e; HOLD_NONE: none does. */
enum hold hold_from_err(enum err e);

#endif
