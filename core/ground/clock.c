#include "ground/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DAY_S = 86400, HOUR_S = 3600, MINUTE_S = 60 };

/* Record time minus monotonic time; 0 = not synced yet. */
static _Atomic int64_t clock_offset_ms;

static int64_t clock_read_us(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_us(void)
{
	return clock_read_us(CLOCK_MONOTONIC);
}

int64_t clock_ms(void)
{
	return clock_us() / 1000;
}

void clock_sync(int64_t record_ms, int64_t sent_us)
{
	const int64_t least_ms = record_ms - clock_ms(), most_ms = record_ms + 1 - sent_us / 1000;
	const int64_t known_ms = atomic_load_explicit(&clock_offset_ms, memory_order_relaxed);

	if (known_ms == 0 || known_ms < least_ms || known_ms > most_ms)
		atomic_store_explicit(&clock_offset_ms, least_ms, memory_order_relaxed);
}

int64_t clock_record_ms(void)
{
	int64_t offset_ms = atomic_load_explicit(&clock_offset_ms, memory_order_relaxed);

	return offset_ms != 0 ? clock_ms() + offset_ms : clock_read_us(CLOCK_REALTIME) / 1000;
}

bool clock_is_record(void)
{
	return atomic_load_explicit(&clock_offset_ms, memory_order_relaxed) != 0;
}

struct civil {
	int64_t year;
	int month, day;
};

/* Days since 1970-01-01 of a proleptic Gregorian date, by 400-year eras that start in March. */
static int64_t clock_days(struct civil c)
{
	int64_t year = c.month <= 2 ? c.year - 1 : c.year;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t of_era = year - era * 400;
	int64_t of_year = (153 * (c.month + (c.month > 2 ? -3 : 9)) + 2) / 5 + c.day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static struct civil clock_civil(int64_t days)
{
	int64_t shifted = days + 719468;
	int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	int64_t day = shifted - era * 146097;
	int64_t of_era = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	int64_t of_year = day - (365 * of_era + of_era / 4 - of_era / 100);
	int64_t march = (5 * of_year + 2) / 153;
	struct civil c = {.year = of_era + era * 400};

	c.day = (int)(of_year - (153 * march + 2) / 5 + 1);
	c.month = (int)(march < 10 ? march + 3 : march - 9);
	c.year += c.month <= 2;
	return c;
}

/* The range that four digits of year can show. */
static const int64_t CLOCK_LEAST_MS = -62167219200000;
static const int64_t CLOCK_MOST_MS = 253402300799999;

void clock_format(int64_t unix_ms, char out[CLOCK_TEXT_MAX])
{
	int64_t ms = unix_ms < CLOCK_LEAST_MS ? CLOCK_LEAST_MS : unix_ms;
	int64_t days, rest;
	struct civil c;

	if (ms > CLOCK_MOST_MS)
		ms = CLOCK_MOST_MS;
	days = ms / (DAY_S * 1000LL) - (ms % (DAY_S * 1000LL) < 0);
	rest = ms - days * DAY_S * 1000LL;
	c = clock_civil(days);
	snprintf(out, CLOCK_TEXT_MAX, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
		(unsigned)c.year % 10000, (unsigned)c.month % 100, (unsigned)c.day % 100,
		(unsigned)(rest / (HOUR_S * 1000)) % 100, (unsigned)(rest / (MINUTE_S * 1000) % 60),
		(unsigned)(rest / 1000 % 60), (unsigned)(rest % 1000));
}

/* Takes exactly n digits. */
static bool clock_digits(const char **at, int n, int *ret)
{
	int value = 0;

	for (int i = 0; i < n; i++) {
		char c = (*at)[i];

		if (c < '0' || c > '9')
			return false;
		value = value * 10 + (c - '0');
	}
	*at += n;
	*ret = value;
	return true;
}

static bool clock_char(const char **at, const char *accepted)
{
	if (**at == '\0' || strchr(accepted, **at) == NULL)
		return false;
	(*at)++;
	return true;
}

static bool clock_date(const char **at, int64_t *ret_days)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year, month, day;
	bool leap;

	if (!clock_digits(at, 4, &year) || !clock_char(at, "-") || !clock_digits(at, 2, &month) ||
		!clock_char(at, "-") || !clock_digits(at, 2, &day))
		return false;
	if (month < 1 || month > 12)
		return false;
	leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	if (day < 1 || day > lengths[month - 1] + (month == 2 && leap))
		return false;
	*ret_days = clock_days((struct civil){year, month, day});
	return true;
}

/* Digits beyond milliseconds are read and dropped. */
static bool clock_fraction(const char **at, int *ret_ms)
{
	int ms = 0;
	int weight = 100;

	*ret_ms = 0;
	if (!clock_char(at, "."))
		return true;
	if (**at < '0' || **at > '9')
		return false;
	for (; **at >= '0' && **at <= '9'; (*at)++) {
		ms += (**at - '0') * weight;
		weight /= 10;
	}
	*ret_ms = ms;
	return true;
}

/* Second 60 is a leap second: it is read as the first of the next minute. */
static bool clock_time(const char **at, int64_t *ret_ms)
{
	int hour, minute, second, ms;

	if (!clock_digits(at, 2, &hour) || !clock_char(at, ":") || !clock_digits(at, 2, &minute) ||
		!clock_char(at, ":") || !clock_digits(at, 2, &second) || !clock_fraction(at, &ms))
		return false;
	if (hour > 23 || minute > 59 || second > 60)
		return false;
	*ret_ms = ((int64_t)hour * HOUR_S + minute * MINUTE_S + second) * 1000 + ms;
	return true;
}

static bool clock_zone(const char **at, int64_t *ret_ms)
{
	int sign = **at == '-' ? -1 : 1;
	int hour, minute;

	*ret_ms = 0;
	if (clock_char(at, "Zz"))
		return true;
	if (!clock_char(at, "+-") || !clock_digits(at, 2, &hour) || !clock_char(at, ":") ||
		!clock_digits(at, 2, &minute) || hour > 23 || minute > 59)
		return false;
	*ret_ms = sign * ((int64_t)hour * HOUR_S + minute * MINUTE_S) * 1000;
	return true;
}

int clock_parse(const char *text, int64_t *ret_unix_ms)
{
	const char *at = text;
	int64_t days, ms, zone_ms;

	if (text == NULL || !clock_date(&at, &days) || !clock_char(&at, "Tt ") ||
		!clock_time(&at, &ms) || !clock_zone(&at, &zone_ms) || *at != '\0')
		return -1;
	*ret_unix_ms = days * DAY_S * 1000LL + ms - zone_ms;
	return 0;
}
