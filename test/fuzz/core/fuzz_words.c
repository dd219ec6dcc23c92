/* Ids, times, Retry-After, traceparent, money, keys: one line each, and each has one spelling. */
#include "domain/money.h"
#include "domain/retry.h"
#include "domain/trace.h"
#include "ground/apikey.h"
#include "ground/clock.h"
#include "ground/id.h"
#include "ground/utf8.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void require(bool truth)
{
	if (!truth)
		abort();
}

static void check_id(const char *text)
{
	char again[ID_TEXT_MAX];
	struct id id;

	if (id_parse("job", text, &id)) {
		id_format("job", id, again);
		require(strcmp(again, text) == 0);
	}
	id_uuid_parse(text, &id);
}

static void check_time(const char *text)
{
	char again[CLOCK_TEXT_MAX];
	int64_t ms, back;

	if (clock_parse(text, &ms) != 0)
		return;
	clock_format(ms, again);
	require(clock_parse(again, &back) == 0);
	require(back == ms || ms < -62167219200000 || ms > 253402300799999);
}

static void check_trace(const char *text, size_t len)
{
	char again[TRACE_PARENT_MAX];
	struct trace trace, back;

	if (!trace_parse(text, len, &trace))
		return;
	trace_format(&trace, again);
	require(trace_parse(again, strlen(again), &back));
	require(memcmp(trace.trace_id, back.trace_id, sizeof(back.trace_id)) == 0);
}

static void check_money(const char *text)
{
	char again[MONEY_TEXT_MAX];
	int64_t value, back;

	if (!money_parse(text, &value))
		return;
	money_format(value, again);
	require(money_parse(again, &back) && back == value);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char text[256];
	size_t n = len < sizeof(text) - 1 ? len : sizeof(text) - 1;
	int64_t wait;

	memcpy(text, bytes, n);
	text[n] = '\0';
	check_id(text);
	check_time(text);
	check_trace(text, n);
	check_money(text);
	wait = retry_after_parse(text, n, 1769860800000);
	require(wait >= -1 && wait <= 86400000);
	apikey_spelt(text, n);
	if (utf8_valid(text, n))
		require(utf8_valid(text, utf8_cut(text, n, n / 2)));
	return 0;
}
