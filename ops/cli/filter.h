/* filter.h - which jobs: the filter options as a query or as a body.
 *
 * Subject and metadata are personal data and must not stand in a URL: with one
 * of them the request is a search, with its filters in the body.
 *
 * Threads: one.  Memory: JSON is the caller's. */
#ifndef CLI_FILTER_H
#define CLI_FILTER_H

#include "call.h"

#include "ground/buf.h"
#include "ports/json.h"

bool filter_is_given(const struct call *call);
bool filter_needs_body(const struct call *call);
/* Appends the options as query parameters. A bad time is said. */
enum outcome filter_query(const struct call *call, struct buf *path);
/* A new object with all of them. */
enum outcome filter_body(const struct call *call, json_t **ret_body);

/* The pairs of --metadata as a new object, empty when none was given; NULL = out of memory. */
json_t *filter_metadata(const struct call *call);
/* Turns WHEN of an option into RFC 3339, or says what is wrong. */
enum outcome filter_when(const struct call *call, const char *option, char *out, size_t room);

#endif
