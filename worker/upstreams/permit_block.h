/* permit_block.h - what stands against leave to call.
 *
 * Threads: pure.  Memory: static. */
#ifndef UPSTREAMS_PERMIT_BLOCK_H
#define UPSTREAMS_PERMIT_BLOCK_H

#include "domain/hold.h"

/* name, the error that a parked attempt shows, what the job waits for */
#define PERMIT_BLOCK_TABLE(X)                              \
	X(NOTHING, ERR_OK, JOB_WAIT_NONE)                  \
	X(COPY, ERR_OK, JOB_WAIT_NONE)                     \
	X(RETRY_AFTER, ERR_UP_RETRY_AFTER, JOB_WAIT_LIMIT) \
	X(BREAKER, ERR_UP_BREAKER, JOB_WAIT_BREAKER)       \
	X(KEY, ERR_UP_KEY, JOB_WAIT_KEY)                   \
	X(BUDGET, ERR_UP_RETRY_BUDGET, JOB_WAIT_LIMIT)     \
	X(CONCURRENCY, ERR_UP_CONCURRENCY, JOB_WAIT_LIMIT) \
	X(PACING, ERR_UP_PACING, JOB_WAIT_LIMIT)           \
	X(TOKENS, ERR_TENANT_TOKENS, JOB_WAIT_LIMIT)
#define PERMIT_BLOCK_NAME(name, err, wait) PERMIT_##name,
enum permit_block { PERMIT_BLOCK_TABLE(PERMIT_BLOCK_NAME) PERMIT_BLOCKS };
#undef PERMIT_BLOCK_NAME

/* The row of the error table, and of the job's waits, for a block. */
enum err permit_block_err(enum permit_block by);
enum job_wait permit_block_wait(enum permit_block by);

#endif
