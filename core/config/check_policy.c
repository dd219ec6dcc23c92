/* check_policy.c - what the limits promise must be possible: a call that its own job ends first, or
 * a body that no producer may hold, fails every time, and is a mistake of the file. */
#include "config/check.h"

enum {
	MS_A_SECOND = 1000,
	MIB = 1 << 20,
	CALL_TOKENS_LEAST = 2 /* one in, one out */
};

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void check_limits(const struct config *c, config_misfit_fn *tell, void *ctx)
{
	const struct config_limits *limits = &c->limits;
	const struct config_rule rules[] = {
		{limits->attempt_timeout_max_s > limits->deadline_max_s,
			{"limits", "attempt_timeout_max_s", 0,
				"expected at most limits.deadline_max_s, which ends every attempt"}},
		{c->retry.base_ms > limits->deadline_max_s * MS_A_SECOND,
			{"retry", "base_ms", 0,
				"expected at most limits.deadline_max_s, beyond which no attempt begins"}},
		{larger(limits->body_bytes, limits->bulk_bytes) > c->producer.body_memory_mb * MIB,
			{"producer", "body_memory_mb", 0,
				"expected room for one body of limits.body_bytes and limits.bulk_bytes, "
				"or it is refused for ever"}},
	};

	config_rules_tell(rules, sizeof(rules) / sizeof(*rules), tell, ctx);
}

static void check_upstream(const struct config *c, size_t at, config_misfit_fn *tell, void *ctx)
{
	static const char sooner[] = "expected at most limits.attempt_timeout_max_s, which ends "
				     "every attempt";
	const struct config_upstream *row = &c->upstreams[at];
	const int64_t longest_ms = c->limits.attempt_timeout_max_s * MS_A_SECOND;
	const struct config_rule rules[] = {
		{row->connect_timeout_ms > longest_ms,
			{"upstreams", "connect_timeout_ms", at, sooner}},
		{row->first_byte_timeout_ms > longest_ms,
			{"upstreams", "first_byte_timeout_ms", at, sooner}},
		{row->idle_timeout_ms > longest_ms, {"upstreams", "idle_timeout_ms", at, sooner}},
		{row->tokens_per_minute > 0 && row->tokens_per_minute < CALL_TOKENS_LEAST,
			{"upstreams", "tokens_per_minute", at,
				"expected 0, or as many as the least call takes: 2"}},
	};

	config_rules_tell(rules, sizeof(rules) / sizeof(*rules), tell, ctx);
}

void config_check_policy(const struct config *config, config_misfit_fn *tell, void *ctx)
{
	check_limits(config, tell, ctx);
	for (size_t i = 0; i < config->upstreams_n; i++)
		check_upstream(config, i, tell, ctx);
}
