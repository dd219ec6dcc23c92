#include "connect/redis.h"

#include "ground/log.h"
#include "ground/secret.h"

static void on_refused(void *owner, const char *why)
{
	log_warn("Redis does not let us in: it counts as away", LOG_TEXT("why", why));
}

enum err redis_open(const struct config *config, struct loop *loop,
	const struct scratch_options *hooks, struct buf *why, struct scratch **ret_scratch)
{
	struct scratch_options options = *hooks;
	struct secret password = {.bytes = NULL};
	enum err e = ERR_OK;

	if (config->redis.password_file[0])
		e = secret_read(config->redis.password_file, why, &password);
	if (e)
		return e;
	options.url = config->redis.limits_url;
	options.password = password.bytes;
	options.on_refused = on_refused;
	options.connect_ms = config->redis.connect_timeout_ms;
	options.command_ms = config->redis.command_timeout_ms;
	e = scratch_open(loop, &options, ret_scratch);
	if (e == ERR_CONFIG)
		(void)buf_text(why, "redis.limits_url cannot be resolved");
	secret_clear(&password);
	return e;
}
