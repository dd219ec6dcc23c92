#include "share.h"

#include <stdbool.h>

static int64_t held_by_all(struct share *shares, size_t n)
{
	int64_t held = 0;

	for (size_t i = 0; i < n; i++) {
		shares[i].granted = shares[i].held;
		held += shares[i].held;
	}
	return held;
}

static bool may_take_more(const struct share *share)
{
	return share->granted - share->held < share->slots_free;
}

static int64_t takers(const struct share *shares, size_t n)
{
	int64_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += may_take_more(&shares[i]);
	return count;
}

/* Gives each taker an equal part of the rest, at least one; false when there are none. */
static bool give_round(struct share *shares, size_t n, int64_t *rest, size_t turn)
{
	int64_t among = takers(shares, n);
	int64_t each = among ? *rest / among : 0;

	for (size_t i = 0; i<n && * rest> 0; i++) {
		struct share *share = &shares[(turn + i) % n];
		int64_t more = share->slots_free - (share->granted - share->held);

		if (more <= 0)
			continue;
		more = more < each || each == 0 ? more : each;
		if (each == 0)
			more = 1;
		share->granted += (int32_t)more;
		*rest -= more;
	}
	return among > 0;
}

/* What the worker holds, or may have come to hold by now. */
static int32_t spoken_for(const struct share *share)
{
	return share->told > share->held ? share->told : share->held;
}

/* Of what the plan gives, leaves what nobody else may be filling just now. */
static void hold_back(struct share *shares, size_t n, int32_t cap, size_t turn)
{
	int64_t rest = cap;

	for (size_t i = 0; i < n; i++)
		rest -= spoken_for(&shares[i]);
	for (size_t i = 0; i < n; i++) {
		struct share *share = &shares[(turn + i) % n];
		int64_t more = share->granted - spoken_for(share);

		if (more <= 0)
			continue;
		if (more > rest)
			more = rest > 0 ? rest : 0;
		share->granted = spoken_for(share) + (int32_t)more;
		rest -= more;
	}
}

void share_plan(struct share *shares, size_t n, int32_t cap, size_t turn)
{
	int64_t rest = cap - held_by_all(shares, n);

	while (rest > 0 && give_round(shares, n, &rest, turn))
		;
	hold_back(shares, n, cap, turn);
}
