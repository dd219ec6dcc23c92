/* walk.h - from a YAML document to a config, collecting every mistake on the way.
 *
 * Threads: one. */
#ifndef CONFIG_WALK_H
#define CONFIG_WALK_H

#include "config/config.h"

/* Fills config, which holds the initial values. ERR_CONFIG, ERR_NOMEM as config_parse. */
MUST_CHECK enum err config_walk(
	const char *name, const char *text, size_t len, struct buf *faults, struct config *config);

#endif
