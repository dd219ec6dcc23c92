#include "jobs/job_cost.h"

#include "config/price.h"
#include "domain/rule.h"
#include "ground/clock.h"

#include <string.h>

enum { BOUNDS_MAX = 2 };

/* Which tokens a kind pays for, and what its API reads as the most that one answer may have. Of a
 * kind without a row nothing is bounded. */
static const struct answer {
	const char *kind;
	bool reads, writes;
	const char *bounds[BOUNDS_MAX];
} answers[] = {
	{"chat", true, true, {"max_tokens", "max_completion_tokens"}},
	{"response", true, true, {"max_output_tokens"}},
	{"message", true, true, {"max_tokens"}},
	{"embedding", true, false, {NULL}},
	{"noop", false, false, {NULL}},
};

static const struct answer *answer_of(const char *kind)
{
	for (size_t i = 0; kind && i < sizeof answers / sizeof *answers; i++)
		if (strcmp(answers[i].kind, kind) == 0)
			return &answers[i];
	return NULL;
}

/* 0: it is no number that bounds anything. */
static int64_t positive(const json_t *value)
{
	const int64_t n = json_is_integer(value) ? json_integer_value(value) : 0;

	return n > 0 ? n : 0;
}

/* Of two bounds the wider: an upstream may go by either. */
static int64_t bound_of(const struct answer *answer, const json_t *input)
{
	int64_t most = 0;

	for (size_t i = 0; i < BOUNDS_MAX && answer->bounds[i]; i++) {
		const int64_t bound = positive(json_object_get(input, answer->bounds[i]));

		most = bound > most ? bound : most;
	}
	return most;
}

static int64_t output_of(const struct answer *answer, const json_t *input)
{
	const json_t *n = json_object_get(input, "n");
	const int64_t times = !n || json_is_null(n) ? 1 : positive(n);
	int64_t all;

	if (answer && !answer->writes)
		return 0;
	if (!answer || __builtin_mul_overflow(bound_of(answer, input), times, &all) || all == 0)
		return JOB_COST_UNBOUNDED;
	return all;
}

struct job_tokens job_tokens_of(const char *kind, const json_t *input, size_t bytes)
{
	const struct answer *answer = answer_of(kind);
	const bool reads = !answer || answer->reads;

	return (struct job_tokens){
		reads ? usage_estimate_tokens((int64_t)bytes) : 0, output_of(answer, input)};
}

static int64_t cost_at(struct usage_price price, struct job_tokens tokens)
{
	if (tokens.output == JOB_COST_UNBOUNDED && price.output_nano > 0)
		return RULE_UNKNOWN;
	return usage_of(tokens.input, tokens.output, price).cost_nano;
}

int64_t job_cost_nano(const struct config *config, const char *model, struct job_tokens tokens)
{
	const int64_t now = clock_record_ms();
	int64_t most = 0;

	if (tokens.input == 0 && tokens.output == 0)
		return 0;
	for (size_t i = 0; i < config->upstreams_n && most != RULE_UNKNOWN; i++) {
		const struct config_upstream *upstream = &config->upstreams[i];
		const char *name = config_model_name(upstream, model);
		const int64_t cost = cost_at(config_price(config, upstream, name, now), tokens);

		most = cost == RULE_UNKNOWN || cost > most ? cost : most;
	}
	return config->upstreams_n ? most : RULE_UNKNOWN;
}
