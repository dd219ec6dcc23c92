#include "domain/request_limit.h"

#include <math.h>
#include <string.h>

/* Of a request: what rounding may take from an exact fit. */
#define SLACK 1e-6

static const struct {
	const char *word, *counts;
} levels[] = {
#define LIMIT_LEVEL_ROW(name, word, counts) [LIMIT_##name] = {word, counts},
	LIMIT_LEVEL_TABLE(LIMIT_LEVEL_ROW)
#undef LIMIT_LEVEL_ROW
};

const char *limit_level_text(enum limit_level level)
{
	return level < LIMIT_LEVELS ? levels[level].word : "";
}

enum limit_level limit_level_from_text(const char *text)
{
	enum limit_level level = (enum limit_level)0;

	while (level < LIMIT_LEVELS && strcmp(levels[level].word, text) != 0)
		level++;
	return level;
}

bool limit_level_has_roles(enum limit_level level)
{
	return level == LIMIT_ROLE || level == LIMIT_TOKENS_ROLE;
}

enum limit_level limit_level_parse(const char *text, const char **ret_role)
{
	enum limit_level level = (enum limit_level)0;
	size_t len = 0;

	*ret_role = "";
	for (; level < LIMIT_LEVELS; level++) {
		len = strlen(levels[level].word);
		if (limit_level_has_roles(level)
				? strncmp(text, levels[level].word, len) == 0 && text[len] == ':'
				: strcmp(text, levels[level].word) == 0)
			break;
	}
	if (limit_level_has_roles(level))
		*ret_role = text + len + 1;
	return level;
}

bool limit_level_is_tokens(enum limit_level level)
{
	return level >= LIMIT_TOKENS && level < LIMIT_LEVELS;
}

const char *limit_level_counts(enum limit_level level)
{
	return level < LIMIT_LEVELS ? levels[level].counts : "requests";
}

bool limit_plan_is_right(const char *plan)
{
	_Static_assert((int)LIMIT_PLAN_MAX == (int)ROLE_NAME_MAX, "spelt alike");
	return role_name_is_right(plan);
}

static const char *amount_fault(enum limit_level level, const struct request_limit *limit)
{
	if (limit->amount < 0)
		return "must not be negative; 0 is no limit";
	if (limit_level_is_tokens(level))
		return limit->amount > LIMIT_TOKENS_MAX ? "must be at most 1,000,000,000" : NULL;
	return limit->amount / limit->window_s >= LIMIT_RATE_MAX
		       ? "must be less than 100,000 a second"
		       : NULL;
}

const char *request_limit_fault(
	enum limit_level level, const struct request_limit *limit, const char **ret_member)
{
	const char *fault;

	*ret_member = "window_s";
	if (limit->window_s < 1 || limit->window_s > LIMIT_WINDOW_MAX_S)
		return "must be 1 s to a day";
	*ret_member = limit_level_counts(level);
	fault = amount_fault(level, limit);
	if (fault)
		return fault;
	*ret_member = "burst";
	if (limit->burst < 1 || (limit->amount && limit->burst > limit->amount))
		return limit_level_is_tokens(level) ? "must be 1 to the tokens of a window"
						    : "must be 1 to the requests of a window";
	return NULL;
}

struct limit_pace limit_pace_of(const struct request_limit *limit)
{
	const double interval_us = limit->window_s * 1e6 / (double)limit->amount;

	return (struct limit_pace){interval_us, interval_us * (double)limit->burst};
}

struct limit_pace limit_pace_share(struct limit_pace whole, int64_t n)
{
	const double interval_us = whole.interval_us * (double)n;

	return (struct limit_pace){
		interval_us, whole.span_us > interval_us ? whole.span_us : interval_us};
}

int64_t limit_pace_room(struct limit_pace pace, double ahead_us)
{
	const double room = (pace.span_us - ahead_us) / pace.interval_us;

	return room > 0 ? (int64_t)floor(room + SLACK) : 0;
}

int64_t limit_pace_wait_us(struct limit_pace pace, double ahead_us)
{
	const double wait_us = ahead_us + pace.interval_us - pace.span_us;

	return wait_us > SLACK * pace.interval_us ? (int64_t)ceil(wait_us) : 0;
}
