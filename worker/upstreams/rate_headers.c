#include "upstreams/rate_headers.h"

#include "ground/clock.h"
#include "ports/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_MAX = 48, MINUTE_MS = 60000 };

static const struct {
	const char *name;
	enum rate_of of;
	enum { SAYS_LIMIT, SAYS_LEFT, SAYS_RESET } says;
} names[] = {
	{"x-ratelimit-limit-requests", RATE_REQUESTS, SAYS_LIMIT},
	{"x-ratelimit-remaining-requests", RATE_REQUESTS, SAYS_LEFT},
	{"x-ratelimit-reset-requests", RATE_REQUESTS, SAYS_RESET},
	{"x-ratelimit-limit-tokens", RATE_TOKENS, SAYS_LIMIT},
	{"x-ratelimit-remaining-tokens", RATE_TOKENS, SAYS_LEFT},
	{"x-ratelimit-reset-tokens", RATE_TOKENS, SAYS_RESET},
	{"anthropic-ratelimit-requests-limit", RATE_REQUESTS, SAYS_LIMIT},
	{"anthropic-ratelimit-requests-remaining", RATE_REQUESTS, SAYS_LEFT},
	{"anthropic-ratelimit-requests-reset", RATE_REQUESTS, SAYS_RESET},
	{"anthropic-ratelimit-tokens-limit", RATE_TOKENS, SAYS_LIMIT},
	{"anthropic-ratelimit-tokens-remaining", RATE_TOKENS, SAYS_LEFT},
	{"anthropic-ratelimit-tokens-reset", RATE_TOKENS, SAYS_RESET},
};

static const struct {
	const char *unit; /* longer ones before those they begin with */
	double ms;
} units[] = {{"ms", 1}, {"us", 0.001}, {"h", 3600000}, {"m", MINUTE_MS}, {"s", 1000}, {"", 1000}};

void rate_headers_init(struct rate_headers *h)
{
	for (int i = 0; i < RATES; i++)
		h->of[i] = (struct rate_said){-1, -1, -1};
}

double rate_duration_ms(const char *text)
{
	double ms = 0;

	if (!*text)
		return -1;
	while (*text) {
		char *end;
		const double number = strtod(text, &end);
		size_t i = 0;

		if (end == text || !(number >= 0 && number < 1e9))
			return -1;
		while (strncmp(end, units[i].unit, strlen(units[i].unit)) != 0)
			i++;
		text = end + strlen(units[i].unit);
		if (!units[i].unit[0] && *text)
			return -1;
		ms += number * units[i].ms;
	}
	return ms;
}

static double reset_ms(const char *value, int64_t unix_ms)
{
	int64_t at_ms;

	if (clock_parse(value, &at_ms) == 0)
		return at_ms > unix_ms ? (double)(at_ms - unix_ms) : 0;
	return rate_duration_ms(value);
}

static double number_of(const char *value)
{
	char *end;
	const double number = strtod(value, &end);

	return end != value && *end == '\0' && number >= 0 && number < 1e15 ? number : -1;
}

void rate_headers_read(struct rate_headers *h, const char *name, size_t name_len, const char *value,
	size_t len, int64_t unix_ms)
{
	char text[VALUE_MAX];

	if (len >= sizeof(text))
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct rate_said *said = &h->of[names[i].of];
		double *const into[] = {
			[SAYS_LIMIT] = &said->limit,
			[SAYS_LEFT] = &said->left,
			[SAYS_RESET] = &said->whole_ms,
		};

		if (!http_header_is(name, name_len, names[i].name))
			continue;
		memcpy(text, value, len);
		text[len] = '\0';
		*into[names[i].says] =
			names[i].says == SAYS_RESET ? reset_ms(text, unix_ms) : number_of(text);
		return;
	}
}

double rate_said_per_minute(const struct rate_said *said)
{
	const double missing = said->limit - said->left;

	if (said->limit < 0)
		return -1;
	if (said->left < 0 || missing < 1 || said->whole_ms <= 0)
		return said->limit;
	return missing / said->whole_ms * MINUTE_MS;
}
