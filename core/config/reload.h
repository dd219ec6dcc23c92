/* reload.h - a running program reads its configuration anew.
 *
 * What differs is compared row by row; the table says what may change while running.
 *
 * Threads: one.  Memory: buffers and configurations are the caller's. */
#ifndef CONFIG_RELOAD_H
#define CONFIG_RELOAD_H

#include "config/config.h"

/* Reads the file again for a running program. Both or nothing: when it has a mistake, or changes
 * what needs a restart, ERR_CONFIG, faults says why, and old stays in force. Else *ret_config is
 * the new one and changes has one line "worker.slots: 1000 -> 2000" per row that differs; secrets
 * are files, and only their paths appear. */
MUST_CHECK enum err config_reload(const struct config *old, const char *path, struct buf *faults,
	struct buf *changes, struct config **ret_config);

#endif
