#include "window.h"

#include "domain/reserve.h"

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

struct budget {
	int64_t jobs; /* on their way, of all queues */
	int64_t extra_percent;
	int64_t slots, free_slots;
	int64_t weights, unmet; /* of all queues; unmet: what they run less than their reserve */
	bool shared;		/* by more than one queue */
};

static int64_t with_look_ahead(int64_t free_slots, int64_t slots, int64_t extra_percent)
{
	int64_t extra = (slots * extra_percent + 99) / 100;

	return slots <= 0 ? 0 : (free_slots > 0 ? free_slots : 0) + extra;
}

static int64_t part_of(const struct window *w, const struct budget *budget)
{
	return reserve_part(budget->slots, w->weight, budget->weights);
}

static int64_t lacks(const struct window *w, const struct budget *budget)
{
	int64_t lack = part_of(w, budget) - w->running;

	return lack > 0 ? lack : 0;
}

/* What the others' reserve leaves it of the free slots. */
static int64_t room_of(const struct window *w, const struct budget *budget)
{
	return reserve_room(budget->slots, budget->free_slots, part_of(w, budget), w->running,
		budget->unmet - lacks(w, budget));
}

static struct budget budget_of(const struct window *windows, size_t n, int64_t slots,
	int64_t running, int64_t extra_percent)
{
	struct budget budget = {
		.jobs = with_look_ahead(slots - running, slots, extra_percent),
		.extra_percent = extra_percent,
		.slots = slots,
		.free_slots = slots > running ? slots - running : 0,
		.shared = n > 1,
	};

	for (size_t i = 0; i < n; i++)
		budget.weights += windows[i].weight;
	for (size_t i = 0; i < n; i++)
		budget.unmet += lacks(&windows[i], &budget);
	return budget;
}

/* A queue that has all it may have looks ahead for its own part only: what hangs frees nothing. */
static int64_t shared_limit(const struct window *w, const struct budget *budget)
{
	const int64_t room = room_of(w, budget);

	return with_look_ahead(
		room, room > 0 ? budget->slots : part_of(w, budget), budget->extra_percent);
}

/* What a queue may have on its way, whatever the others want. */
static int64_t limit_of(const struct window *w, const struct budget *budget)
{
	int64_t limit = budget->jobs;

	if (w->paused)
		return 0;
	if (budget->shared)
		limit = least(limit, shared_limit(w, budget));
	if (w->cap <= 0)
		return limit;
	return least(limit, with_look_ahead(w->cap - w->running, w->cap, budget->extra_percent));
}

static int64_t demand_of(const struct window *w, const struct budget *budget)
{
	return least(limit_of(w, budget), w->dispatched + w->depth);
}

/* One round: each queue that still wants gets its share of left, at least one. pick carries what it
 * was given so far. Returns what is left then; the same when nobody wants more. */
static int64_t share_round(
	struct window *windows, size_t n, const struct budget *budget, int64_t left)
{
	int64_t weights = 0, round = left;

	for (size_t i = 0; i < n; i++)
		if (windows[i].pick < demand_of(&windows[i], budget))
			weights += windows[i].weight;
	for (size_t i = 0; i < n && left > 0; i++) {
		struct window *w = &windows[i];
		int64_t want = demand_of(w, budget) - w->pick;
		int64_t share = weights ? round * w->weight / weights : 0;

		if (want <= 0)
			continue;
		share = least(least(share > 0 ? share : 1, want), left);
		w->pick += share;
		left -= share;
	}
	return left;
}

/* Before any weight counts, everybody who wants gets one: weights order, they never starve. */
static int64_t give_one_each(
	struct window *windows, size_t n, const struct budget *budget, int64_t left)
{
	for (size_t i = 0; i < n; i++) {
		windows[i].pick = left > 0 && demand_of(&windows[i], budget) > 0;
		left -= windows[i].pick;
	}
	return left;
}

void window_plan(
	struct window *windows, size_t n, int64_t slots, int64_t running, int64_t extra_percent)
{
	struct budget budget = budget_of(windows, n, slots, running, extra_percent);
	int64_t left = give_one_each(windows, n, &budget, budget.jobs), before;

	do {
		before = left;
		left = share_round(windows, n, &budget, left);
	} while (left > 0 && left < before);
	for (size_t i = 0; i < n; i++) {
		struct window *w = &windows[i];
		int64_t room = limit_of(w, &budget) - w->dispatched;

		w->pick = w->pick > w->dispatched ? w->pick - w->dispatched : 0;
		w->pick = least(w->pick, w->allowance);
		w->allot = w->depth > 0 || room < 0 || w->allowance != INT64_MAX
				   ? 0
				   : least(left, room);
	}
}

size_t window_batch(int64_t pick, int64_t workers, size_t max)
{
	int64_t parts = 2 * (workers > 0 ? workers : 1);
	int64_t size = (pick + parts - 1) / parts;

	if (size < 1)
		return 1;
	return size > (int64_t)max ? max : (size_t)size;
}
