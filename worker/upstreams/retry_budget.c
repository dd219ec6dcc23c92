#include "upstreams/retry_budget.h"

enum { AT_FIRST = 10 };

void retry_budget_limit(struct retry_budget *b, double percent, double least_per_s, int64_t now_ms)
{
	const bool fresh = b->paid.per_ms <= 0;

	b->percent = percent;
	if (percent >= 100) {
		b->paid = (struct bucket){0};
		return;
	}
	bucket_limit(&b->paid, least_per_s / 1000, RETRY_BUDGET_SAVED, now_ms);
	if (fresh)
		b->paid.level = AT_FIRST;
}

void retry_budget_first(struct retry_budget *b, int64_t now_ms)
{
	bucket_take(&b->paid, -b->percent / 100, now_ms);
}

bool retry_budget_has(struct retry_budget *b, int64_t now_ms)
{
#ifdef CONTROL_WITHOUT_RETRY_BUDGET
	return true; /* the tests' negative control (MODE=unfenced), never to be run */
#else
	return bucket_has(&b->paid, 1, now_ms);
#endif
}

double retry_budget_left(struct retry_budget *b, int64_t now_ms)
{
	if (b->paid.per_ms <= 0)
		return RETRY_BUDGET_SAVED;
	bucket_take(&b->paid, 0, now_ms);
	return b->paid.level;
}

void retry_budget_take(struct retry_budget *b, int64_t now_ms)
{
	bucket_take(&b->paid, 1, now_ms);
}

void retry_budget_give_back(struct retry_budget *b, int64_t now_ms)
{
	bucket_take(&b->paid, -1, now_ms);
	retry_budget_first(b, now_ms);
}

int64_t retry_budget_wait_ms(struct retry_budget *b, int64_t now_ms)
{
	return bucket_wait_ms(&b->paid, 1, now_ms);
}
