/* start.h - the first lines of every program: arguments, configuration, log, SIGPIPE ignored,
 * confinement (ground/confine.h; which folders stay open is a table in start.c).
 *
 *	int main(int argc, char **argv)
 *	{
 *		struct start start;
 *
 *		if (!start_program("worker", argc, argv, &start))
 *			return start.exit_code;
 *		...
 *		config_release(start.config);
 *
 * Threads: before any. */
#ifndef CONFIG_START_H
#define CONFIG_START_H

#include "config/config.h"

struct start {
	struct config *config; /* the caller's to release */
	const char *path;      /* for config_reload; argv's or the environment's */
	int exit_code; /* when there is nothing to run: 0, or 2 after a mistake of the caller */
};

/* False: help, check or mistakes were printed; return ret->exit_code. */
MUST_CHECK bool start_program(const char *program, int argc, char **argv, struct start *ret);
/* What SIGHUP does: config_reload, and the secrets that this program reads; one log line per
 * change, fault and note. True when *config is another one now; the old one was released. */
bool start_reload(const char *program, const char *path, struct config **config);

#endif
