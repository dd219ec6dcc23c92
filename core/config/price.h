/* price.h - what a model cost on a day.
 *
 * Rows are asked in the order of the file; of one model's rows only one holds on
 * any day (check_routes.c sees to that). An upstream's own two prices come last.
 * What has no price costs nothing and is told when the file is loaded.
 *
 * Threads: any.  Memory: values. */
#ifndef CONFIG_PRICE_H
#define CONFIG_PRICE_H

#include "config/config.h"
#include "domain/usage.h"

/* model: the upstream's own name for it. now_ms: unix. */
struct usage_price config_price(const struct config *config, const struct config_upstream *upstream,
	const char *model, int64_t now_ms);
/* Our name for a model in the upstream's words; the name itself where it has no other. */
const char *config_model_name(const struct config_upstream *upstream, const char *model);
/* What is no mistake and should be known: one line "file:line:column: ..." for each model that has
 * no price on that day. */
enum err config_notes(
	const char *name, const struct config *config, int64_t now_ms, struct buf *notes);

#endif
