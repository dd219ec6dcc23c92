/* upstream_view.h - what Redis says of upstreams, as the API shows it.
 *
 * The script's reply is {now, {{guard's fields, its steps}, ...}, {{pace's fields,
 * its load}, ...}}, each a list of names and values as HGETALL has them.
 *
 * Threads: pure.  Memory: appends to the caller's buffer, whose error tells. */
#ifndef ADMIN_UPSTREAM_VIEW_H
#define ADMIN_UPSTREAM_VIEW_H

#include "config/config.h"
#include "ports/scratch.h"

/* EVAL of it, without keys: everything of the upstreams used last. */
extern const char upstream_view_script[];

/* One upstream of c. shared NULL: there is no common view. */
void upstream_view_put(struct buf *out, const struct config *c, const struct config_upstream *u,
	const struct scratch_reply *shared);

/* The labels of its keys as strings of JSON with commas between; a single key has CONFIG_KEY_LABEL.
 */
void upstream_view_labels(struct buf *out, const struct config *c, const struct config_upstream *u);

#endif
