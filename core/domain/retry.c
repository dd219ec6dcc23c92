#include "domain/retry.h"

#include "ground/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { RETRY_AFTER_MAX_S = 86400 };

int64_t retry_ceiling_ms(const struct retry_rule *rule, int attempt)
{
	int64_t ceiling = rule->base_ms;

	for (int i = 1; i < attempt && ceiling < rule->cap_ms; i++)
		ceiling *= 2;
	return ceiling < rule->cap_ms ? ceiling : rule->cap_ms;
}

/* 0..most, evenly enough: the bias of the remainder is below 2^-30. */
static int64_t retry_draw(uint64_t chance, int64_t most)
{
	return most > 0 ? (int64_t)(chance % ((uint64_t)most + 1)) : 0;
}

static struct retry_answer retry_wait(
	const struct retry_rule *rule, const struct retry_question *q, uint64_t chance)
{
	int64_t slack_ms = q->left_ms - RETRY_MARGIN_MS;
	int64_t floor_ms = q->retry_after_ms > 0 ? q->retry_after_ms : 0;
	int64_t most_ms = retry_ceiling_ms(rule, q->attempt);

	if (slack_ms <= 0)
		return (struct retry_answer){.verdict = RETRY_TOO_LATE};
	if (floor_ms > slack_ms)
		return (struct retry_answer){.verdict = RETRY_BEYOND};
	if (most_ms > slack_ms - floor_ms)
		most_ms = slack_ms - floor_ms;
	return (struct retry_answer){RETRY_AGAIN, floor_ms + retry_draw(chance, most_ms)};
}

struct retry_answer retry_decide(
	const struct retry_rule *rule, const struct retry_question *q, uint64_t chance)
{
	enum fate fate = err_fate(q->error);

	if (fate == FATE_DROP)
		return (struct retry_answer){.verdict = RETRY_DROP};
	if (fate != FATE_RETRY && !(fate == FATE_ELSEWHERE && q->elsewhere))
		return (struct retry_answer){.verdict = RETRY_NOT};
	if (q->attempt >= q->attempts_max)
		return (struct retry_answer){.verdict = RETRY_EXHAUSTED};
	return retry_wait(rule, q, chance);
}

static int retry_month(const char *name)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++) {
		if (strncmp(names + 3 * (size_t)i, name, 3) == 0)
			return i + 1;
	}
	return 0;
}

struct retry_date {
	int year, month, day;
	char clock[9];
};

/* Sun, 06 Nov 1994 08:49:37 GMT, and how servers of old wrote it:
 * Sunday, 06-Nov-94 08:49:37 GMT, Sun Nov  6 08:49:37 1994. */
static bool retry_date_scan(const char *text, struct retry_date *d)
{
	char month[4] = "";
	int end = -1;

	if (sscanf(text, "%*3[A-Za-z], %2d %3s %4d %8[0-9:] GMT%n", &d->day, month, &d->year,
		    d->clock, &end) != 4 ||
		end < 0) {
		end = -1;
		if (sscanf(text, "%*9[A-Za-z], %2d-%3s-%2d %8[0-9:] GMT%n", &d->day, month,
			    &d->year, d->clock, &end) == 4 &&
			end >= 0)
			d->year += d->year < 70 ? 2000 : 1900;
		else if (sscanf(text, "%*3[A-Za-z] %3s %2d %8[0-9:] %4d%n", month, &d->day,
				 d->clock, &d->year, &end) != 4)
			return false;
	}
	d->month = retry_month(month);
	return end >= 0 && text[end] == '\0';
}

static int64_t retry_after_date(const char *text, int64_t now_ms)
{
	struct retry_date d = {0};
	char rfc3339[64];
	int64_t at_ms;

	if (!retry_date_scan(text, &d) || d.year < 0 || d.day < 0)
		return -1;
	snprintf(rfc3339, sizeof(rfc3339), "%04d-%02d-%02dT%sZ", d.year, d.month, d.day, d.clock);
	if (clock_parse(rfc3339, &at_ms) != 0)
		return -1;
	if (at_ms <= now_ms)
		return 0;
	return at_ms - now_ms < RETRY_AFTER_MAX_S * 1000LL ? at_ms - now_ms
							   : RETRY_AFTER_MAX_S * 1000LL;
}

int64_t retry_after_parse(const char *text, size_t len, int64_t now_ms)
{
	char copy[48];
	int64_t seconds = 0;
	size_t i = 0;

	while (len > 0 && (*text == ' ' || *text == '\t')) {
		text++;
		len--;
	}
	while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	if (len == 0 || len >= sizeof(copy) || memchr(text, '\0', len) != NULL)
		return -1;
	memcpy(copy, text, len);
	copy[len] = '\0';
	for (; copy[i] >= '0' && copy[i] <= '9'; i++) {
		if (seconds < RETRY_AFTER_MAX_S)
			seconds = seconds * 10 + (copy[i] - '0');
	}
	if (i < len)
		return retry_after_date(copy, now_ms);
	return (seconds < RETRY_AFTER_MAX_S ? seconds : RETRY_AFTER_MAX_S) * 1000;
}
