/* reach.h - can the upstreams be reached at all? Asked at start and after a reload.
 *
 * A wrong name or a closed port should show when the configuration is taken, not
 * when the first job fails. So each upstream is asked once for its base url, with
 * no key; any answer will do. One that cannot be reached is logged with its place
 * in the file, and nothing else follows: it may come up later.
 *
 * Threads: the loop's.  Memory: a probe for each upstream until it ended. */
#ifndef UPSTREAMS_REACH_H
#define UPSTREAMS_REACH_H

#include "ports/http.h"
#include "upstreams/upstream.h"

struct reach;

/* path: of the configuration, for what is logged. All three must outlive it. */
MUST_CHECK enum err reach_new(struct http *http, const struct upstreams *upstreams,
	const char *path, struct reach **ret_reach);
/* Forgets probes under way. NULL is fine; before http_free. */
void reach_free(struct reach *reach);
/* Asks every upstream. What cannot be asked now is not asked. */
void reach_ask(struct reach *reach);

#endif
