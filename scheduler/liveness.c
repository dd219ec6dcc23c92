#include "liveness.h"

static int64_t longest_lease(const struct reap_worker *workers, size_t n)
{
	int64_t lease_ms = 0;

	for (size_t i = 0; i < n; i++)
		if (workers[i].lease_ms > lease_ms)
			lease_ms = workers[i].lease_ms;
	return lease_ms;
}

static bool mass_silence(const struct reap_worker *workers, size_t n)
{
	size_t silent = 0;

	for (size_t i = 0; i < n; i++)
		silent += workers[i].silent;
	return silent >= 2 && 2 * silent > n;
}

/* Every worker that beats must show its lock, or locks say nothing here. */
static bool locks_tell(const struct reap_worker *workers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!workers[i].silent && !workers[i].lock)
			return false;
	return true;
}

static bool too_early(struct liveness_memory *memory, const struct reap_worker *workers, size_t n,
	int64_t now_ms, int64_t session_ms)
{
	int64_t lease_ms = longest_lease(workers, n);

	if (!mass_silence(workers, n))
		memory->mass_since_ms = 0;
	else if (memory->mass_since_ms == 0)
		memory->mass_since_ms = now_ms;
	if (session_ms < lease_ms)
		return true;
	return memory->mass_since_ms != 0 && now_ms - memory->mass_since_ms < lease_ms;
}

void liveness_judge(struct liveness_memory *memory, const struct reap_worker *workers, size_t n,
	int64_t now_ms, int64_t session_ms, struct liveness *ret)
{
	bool hint = locks_tell(workers, n);

	ret->by_lock_n = ret->by_lease_n = 0;
	if (too_early(memory, workers, n, now_ms, session_ms))
		return;
	for (size_t i = 0; i < n; i++) {
		const struct reap_worker *w = &workers[i];

		if (w->lapsed)
			ret->by_lease[ret->by_lease_n++] = w->id;
		else if (w->silent && !w->lock && hint)
			ret->by_lock[ret->by_lock_n++] = w->id;
	}
}
