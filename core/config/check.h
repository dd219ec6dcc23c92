/* check.h - what a single row cannot say: how values must fit together, and what their files hold.
 *
 * Threads: any. */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include "config/config.h"

/* Two values that do not fit together; told at the one that should change. */
struct config_misfit {
	const char *section, *row;
	size_t index; /* of a list's element */
	const char *expected;
};
typedef void config_misfit_fn(void *ctx, const struct config_misfit *misfit);

/* One rule, and what it says when it is broken. */
struct config_rule {
	bool broken;
	struct config_misfit misfit;
};
/* Calls tell for each that is broken. */
void config_rules_tell(
	const struct config_rule *rules, size_t n, config_misfit_fn *tell, void *ctx);

/* Calls tell for each. */
void config_check_fit(const struct config *config, config_misfit_fn *tell, void *ctx);
/* Of those, what no job could ever get through: time-outs and sizes that another one cuts off. */
void config_check_policy(const struct config *config, config_misfit_fn *tell, void *ctx);
/* Of those, what rows about upstreams, keys, routes and prices say of each other. */
void config_check_routes(const struct config *config, config_misfit_fn *tell, void *ctx);
/* Reads every file that the sections of program ("" = all) name, as the program will. */
MUST_CHECK enum err config_check_files(
	const char *name, const struct config *config, const char *program, struct buf *faults);

#endif
