/* bulk.h - many jobs from lines of JSON.
 *
 * Lines travel in requests that stay within the server's bounds (10,000 lines,
 * 64 MiB); each line stands alone, so one that is refused costs only itself.
 *
 * Threads: one.  Memory: one request and its reply at a time. */
#ifndef CLI_BULK_H
#define CLI_BULK_H

#include "client.h"

/* Submits the lines of --ndjson's file. Prints one id a line (the server's lines with --json);
 * refused lines are said by number. OUTCOME_FAILED when any was. */
enum outcome bulk_submit(struct client *client);

#endif
