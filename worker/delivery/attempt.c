#include "delivery/attempt.h"

#include "ports/http.h"

/* What a call's end is called when it was no upstream that was called. */
static enum err receivers(enum err of_a_call)
{
	static const struct {
		enum err call, receiver;
	} names[] = {
		{ERR_INVALID_FIELD, ERR_RECEIVER_URL},
		{ERR_FORBIDDEN, ERR_RECEIVER_ADDRESS},
		{ERR_UP_DNS, ERR_RECEIVER_DNS},
		{ERR_UP_CONNECT, ERR_RECEIVER_CONNECT},
		{ERR_UP_TLS, ERR_RECEIVER_TLS},
		{ERR_UP_FIRST_BYTE, ERR_RECEIVER_TIMEOUT},
		{ERR_UP_STALLED, ERR_RECEIVER_TIMEOUT},
		{ERR_ATTEMPT_TIMEOUT, ERR_RECEIVER_TIMEOUT},
		{ERR_UP_TRUNCATED, ERR_RECEIVER_MALFORMED},
		{ERR_UP_MALFORMED, ERR_RECEIVER_MALFORMED},
		{ERR_UP_TOO_LARGE, ERR_RECEIVER_MALFORMED},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].call == of_a_call)
			return names[i].receiver;
	return of_a_call;
}

static enum err error_of(const struct delivery_attempt *attempt)
{
	if (attempt->err != ERR_OK)
		return receivers(attempt->err);
	return attempt->status == 410 ? ERR_RECEIVER_GONE : ERR_RECEIVER_STATUS;
}

/* Failures that no later attempt can mend. */
static bool is_hopeless(enum err e)
{
	return e == ERR_RECEIVER_URL || e == ERR_RECEIVER_GONE;
}

/* Ours: the receiver was not asked, or not by its own doing. */
static bool is_ours(enum err e)
{
	return e == ERR_NOMEM || e == ERR_SEALING;
}

static int64_t jittered(int64_t wait_ms, uint32_t chance)
{
	int64_t span = wait_ms / 5;

	return span > 0 ? wait_ms - span + (int64_t)chance % (2 * span + 1) : wait_ms;
}

struct delivery_verdict delivery_judge(
	const struct delivery_attempt *attempt, const struct delivery_schedule *schedule)
{
	struct delivery_verdict verdict = {.as = DELIVERY_GIVEN_UP};

	if (attempt->err == ERR_OK && http_succeeded(attempt->status)) {
		verdict.as = DELIVERY_DONE;
		return verdict;
	}
	verdict.error = error_of(attempt);
	if (is_ours(verdict.error)) {
		verdict.as = DELIVERY_DEFERRED;
		verdict.delay_ms = jittered(DELIVERY_MEND_MS, attempt->chance);
		return verdict;
	}
	if (is_hopeless(verdict.error) || attempt->number < 1 ||
		(size_t)attempt->number >= schedule->n)
		return verdict;
	verdict.as = DELIVERY_AGAIN;
	verdict.delay_ms = jittered(1000 * schedule->waits_s[attempt->number], attempt->chance);
	if (verdict.delay_ms < attempt->retry_after_ms)
		verdict.delay_ms = attempt->retry_after_ms;
	return verdict;
}
