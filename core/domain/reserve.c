#include "domain/reserve.h"

enum { KEPT_PERCENT = 20 };

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t reserve_part(int64_t slots, int64_t weight, int64_t weights)
{
	return slots > 1 && weights > 0 ? most(1, slots * KEPT_PERCENT * weight / weights / 100)
					: 0;
}

int64_t reserve_room(int64_t slots, int64_t free_slots, int64_t part, int64_t held, int64_t unmet)
{
	int64_t borrowed = free_slots - least(unmet, slots / 2);
	int64_t own = least(part - held, free_slots);

	return most(0, most(borrowed, own));
}
