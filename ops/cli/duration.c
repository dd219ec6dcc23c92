#include "duration.h"

#include "ground/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECONDS_MAX = 10000 * 86400, DIGITS_MAX = 9 };

static const struct {
	const char *suffix;
	int64_t seconds;
} units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};

bool duration_parse(const char *text, int64_t *ret_s)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > DIGITS_MAX)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(text + digits, units[i].suffix) != 0)
			continue;
		int64_t seconds = strtoll(text, NULL, 10) * units[i].seconds;
		if (seconds > SECONDS_MAX)
			return false;
		*ret_s = seconds;
		return true;
	}
	return false;
}

bool duration_when(const char *text, int64_t now_ms, int64_t *ret_ms)
{
	int64_t seconds;

	if (text[0] != '+' && text[0] != '-')
		return clock_parse(text, ret_ms) == 0;
	if (!duration_parse(text + 1, &seconds))
		return false;
	*ret_ms = text[0] == '+' ? now_ms + seconds * 1000 : now_ms - seconds * 1000;
	return true;
}

static const struct {
	int64_t below_ms;
	int64_t big_ms, small_ms;
	const char *big, *small;
} shapes[] = {
	{3600000, 60000, 1000, "min", "s"},
	{86400000, 3600000, 60000, "h", "min"},
	{INT64_MAX, 86400000, 3600000, "d", "h"},
};

void duration_format(int64_t ms, char out[DURATION_TEXT_MAX])
{
	size_t i = 0;

	if (ms < 1000) {
		snprintf(out, DURATION_TEXT_MAX, "%d ms", ms < 0 ? 0 : (int)ms);
		return;
	}
	if (ms < 60000) {
		snprintf(out, DURATION_TEXT_MAX, "%.1f s", (double)ms / 1000);
		return;
	}
	while (ms >= shapes[i].below_ms)
		i++;
	snprintf(out, DURATION_TEXT_MAX, "%d %s %d %s", (int)(ms / shapes[i].big_ms), shapes[i].big,
		(int)(ms % shapes[i].big_ms / shapes[i].small_ms), shapes[i].small);
}
