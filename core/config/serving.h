/* serving.h - which models the configured upstreams may be asked for, in the operator's patterns.
 *
 * An upstream serves what its own list of models says and what routes send its way. Who
 * asks for a model that nobody serves, or blocks one that is never called, is told what
 * there is.
 *
 * Threads: any.  Memory: the caller's. */
#ifndef CONFIG_SERVING_H
#define CONFIG_SERVING_H

#include "config/config.h"

/* May a job ask for this model: does any route or upstream go by it? */
bool config_serves(const struct config *config, const char *model);
/* May a call of this upstream go by this name, the upstream's own? A pattern is no name. */
bool config_may_call(
	const struct config *config, const struct config_upstream *upstream, const char *name);
/* The patterns of the models that it serves and its own names for some, or with NULL the patterns
 * of all upstreams, with commas between; "none" where there is none. */
enum err config_served(
	const struct config *config, const struct config_upstream *upstream, struct buf *out);

#endif
