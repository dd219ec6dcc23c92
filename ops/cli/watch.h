/* watch.h - a job's answer as it arrives.
 *
 * Threads: one. */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "client.h"

/* Prints text to call->out and what happens to call->err (events, one a line, with --json) until
 * the job has ended. A cut connection is taken up behind the last event that was seen. after: the
 * number of an event, or NULL for the beginning. timeout_ms < 0: for ever. */
enum outcome watch_job(
	struct client *client, const char *id, const char *after, int64_t timeout_ms);

#endif
