/* check.h - what a single row cannot say: how values must fit together, and what their files hold.
 *
 * Threads: any. */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include "config/config.h"

/* Adds a line "name: key: what was expected" per misfit. ERR_CONFIG when there was one. */
MUST_CHECK enum err config_check_fit(
	const char *name, const struct config *config, struct buf *faults);
/* Reads every file that the sections of program ("" = all) name, as the program will. */
MUST_CHECK enum err config_check_files(
	const char *name, const struct config *config, const char *program, struct buf *faults);

#endif
