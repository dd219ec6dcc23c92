#include "domain/money.h"

#include <stdio.h>
#include <string.h>

static const int64_t NANO = 1000000000;

void money_format(int64_t nano_usd, char out[MONEY_TEXT_MAX])
{
	uint64_t size = nano_usd < 0 ? 0 - (uint64_t)nano_usd : (uint64_t)nano_usd;
	int n = snprintf(out, MONEY_TEXT_MAX, "%s%llu.%09llu", nano_usd < 0 ? "-" : "",
		(unsigned long long)(size / (uint64_t)NANO),
		(unsigned long long)(size % (uint64_t)NANO));

	for (int i = 0; i < 3 && out[n - 1] == '0'; i++)
		out[--n] = '\0';
}

/* Adds a decimal digit, false beyond 64 bits. */
static bool money_digit(int64_t *value, char c)
{
	return !__builtin_mul_overflow(*value, (int64_t)10, value) &&
	       !__builtin_add_overflow(*value, (int64_t)(c - '0'), value);
}

bool money_parse(const char *text, int64_t *ret_nano_usd)
{
	size_t whole = strspn(text, "0123456789");
	size_t part = text[whole] == '.' ? strspn(text + whole + 1, "0123456789") : 0;
	size_t end = whole + (part > 0 ? part + 1 : 0);
	int64_t value = 0;

	if (whole == 0 || part > 9 || text[end] != '\0')
		return false;
	for (size_t i = 0; i < end; i++) {
		if (text[i] != '.' && !money_digit(&value, text[i]))
			return false;
	}
	for (size_t i = part; i < 9; i++) {
		if (!money_digit(&value, '0'))
			return false;
	}
	*ret_nano_usd = value;
	return true;
}

int64_t money_add(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return a > 0 ? INT64_MAX : INT64_MIN;
	return sum;
}

int64_t money_of_tokens(int64_t tokens, int64_t nano_usd_per_million)
{
	__extension__ typedef __int128 wide;
	wide total = (wide)tokens * nano_usd_per_million;

	if (tokens <= 0 || nano_usd_per_million <= 0)
		return 0;
	total = (total + 999999) / 1000000;
	return total > INT64_MAX ? INT64_MAX : (int64_t)total;
}
