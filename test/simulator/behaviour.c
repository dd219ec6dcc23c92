#include "simulator/behaviour.h"

#include <stdlib.h>
#include <string.h>

struct parameter {
	const char *name;
	size_t at;
	double least;
	double most;
};

#define PARAMETER(field, low, high)                                  \
	{                                                            \
#field, offsetof(struct behaviour, field), low, high \
	}
static const struct parameter parameters[] = {
	PARAMETER(ttft_ms, 0, 86400000),
	PARAMETER(itl_ms, 0, 86400000),
	PARAMETER(tokens, 0, 10000000),
	PARAMETER(chunk_tokens, 1, 100000),
	PARAMETER(jitter, 0, 1),
	PARAMETER(fail, 0, 599),
	PARAMETER(fail_times, 0, 1000000),
	PARAMETER(retry_after, 0, 86400),
	PARAMETER(quota, 0, 1),
	PARAMETER(rpm, 1, 60000),
	PARAMETER(tpm, 1, 1e12),
	PARAMETER(window_ms, 1, 3600000),
	PARAMETER(filter, 0, 1),
	PARAMETER(block, 0, 1),
	PARAMETER(deny, 0, 1),
	PARAMETER(error_after, 0, 10000000),
	PARAMETER(no_usage, 0, 1),
	PARAMETER(usage_each, 0, 1),
	PARAMETER(truncate, 0, 10000000),
	PARAMETER(hang_after, 0, 10000000),
	PARAMETER(malformed, 0, 1),
	PARAMETER(bad_utf8, 0, 1),
	PARAMETER(short_length, 0, 1),
	PARAMETER(headers, 0, 10000000),
	PARAMETER(gzip, 0, 1),
	PARAMETER(flood_mb, 0, 4096),
	PARAMETER(drip, 0, 60000),
	PARAMETER(stamp, 0, 1),
	PARAMETER(share, 0, 1),
	PARAMETER(seed, 0, 9007199254740992.0),
};
#define PARAMETERS (sizeof(parameters) / sizeof(parameters[0]))

static double *parameter_of(struct behaviour *b, const struct parameter *p)
{
	return (double *)(void *)((char *)b + p->at);
}

void behaviour_init(struct behaviour *b)
{
	for (size_t i = 0; i < PARAMETERS; i++)
		*parameter_of(b, &parameters[i]) = -1;
}

static const struct parameter *parameter_find(const char *name, size_t len)
{
	for (size_t i = 0; i < PARAMETERS; i++) {
		const struct parameter *p = &parameters[i];
		if (strlen(p->name) == len && memcmp(p->name, name, len) == 0)
			return p;
	}
	return NULL;
}

enum err behaviour_set(struct behaviour *b, const char *name, size_t len, double value)
{
	const struct parameter *p = parameter_find(name, len);

	if (!p || !(value >= p->least && value <= p->most))
		return ERR_INVALID_FIELD;
	*parameter_of(b, p) = value;
	return ERR_OK;
}

/* One name=value; *at moves behind it and its '&'. */
static enum err parse_pair(struct behaviour *b, const char **at)
{
	const char *name = *at;
	size_t len = strcspn(name, "=&");
	char *end;

	if (name[len] != '=' || name[len + 1] == '\0')
		return ERR_INVALID_FIELD;
	double value = strtod(name + len + 1, &end);
	if (end == name + len + 1 || (*end != '&' && *end != '\0'))
		return ERR_INVALID_FIELD;
	*at = *end == '&' ? end + 1 : end;
	return behaviour_set(b, name, len, value);
}

enum err behaviour_parse(const char *model, struct behaviour *ret)
{
	const char *at = strchr(model, '?');
	struct behaviour b;
	enum err e = ERR_OK;

	behaviour_init(&b);
	for (at = at ? at + 1 : ""; *at && e == ERR_OK;)
		e = parse_pair(&b, &at);
	if (e == ERR_OK)
		*ret = b;
	return e;
}

void behaviour_overlay(struct behaviour *b, const struct behaviour *over)
{
	struct behaviour from = *over;

	for (size_t i = 0; i < PARAMETERS; i++) {
		double value = *parameter_of(&from, &parameters[i]);
		if (value >= 0)
			*parameter_of(b, &parameters[i]) = value;
	}
}

void behaviour_spare(struct behaviour *b)
{
	b->fail = b->truncate = b->hang_after = b->malformed = b->error_after = -1;
}

/* splitmix64 (Steele, Lea, Flood 2014): any two seeds give unrelated streams. */
uint64_t behaviour_random(uint64_t seed, uint64_t n)
{
	uint64_t z = seed + (n + 1) * 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

int64_t behaviour_wait_us(const struct behaviour *b, double base_ms, uint64_t seed, uint64_t n)
{
	double share = (double)(behaviour_random(seed, n) >> 11) / (double)(1ull << 53);
	double jitter = b->jitter > 0 ? b->jitter : 0;

	if (base_ms <= 0)
		return 0;
	return (int64_t)(base_ms * 1000.0 * (1.0 + jitter * (2.0 * share - 1.0)));
}
