/* wait.h - waiting for jobs to end.
 *
 * Threads: one.  Memory: JSON stays its own. */
#ifndef CLI_WAIT_H
#define CLI_WAIT_H

#include "client.h"

/* Waits for the end of n jobs and prints: one answer, or a line each; jobs with --json.
 * timeout_ms < 0: for ever. */
enum outcome job_wait_for(
	struct client *client, const char *const *ids, size_t n, int64_t timeout_ms);

#endif
