/* reach.h - can the upstreams be reached at all? Asked at start, after a reload, by an operator.
 *
 * A wrong name or a closed port should show when the configuration is taken, not
 * when the first job fails. So each upstream is asked once for its base url, with
 * no key; any answer will do. Whoever asked hears of each that cannot be reached,
 * and nothing else follows: it may come up later.
 *
 * Threads: the loop's.  Memory: a probe for each upstream until it ended. */
#ifndef CONNECT_REACH_H
#define CONNECT_REACH_H

#include "config/config.h"
#include "ports/http.h"

struct reach;

struct reach_fault {
	const char *upstream;	   /* its name */
	struct config_place place; /* in the configuration's file */
	enum err err;		   /* ERR_UP_DNS, ERR_UP_CONNECT or ERR_UP_TLS */
	const char *why;	   /* libcurl's words for people */
};

/* Valid during the call. */
typedef void reach_fault_fn(void *owner, const struct reach_fault *fault);
/* No probe is under way any more. */
typedef void reach_over_fn(void *owner);

/* over may be NULL. http and owner must outlive it. */
MUST_CHECK enum err reach_new(struct http *http, reach_fault_fn *tell, reach_over_fn *over,
	void *owner, struct reach **ret_reach);
/* Forgets probes under way. NULL is fine; before http_free. */
void reach_free(struct reach *reach);
/* Asks every upstream; returns how many are asked. What cannot be asked now is not. Each is over
 * within twice its connect_timeout_ms. */
size_t reach_ask(struct reach *reach, const struct config *config);

#endif
