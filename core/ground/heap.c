#include "ground/heap.h"

#include <malloc.h>

enum { MAPPED_BYTES = 256 << 10, SPARE_BYTES = 1 << 20, HEAPS_MAX = 4 };
enum { EBB_SHARE = 4, EBB_EVERY_MS = 60000 };

void heap_begin(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
	(void)mallopt(M_TRIM_THRESHOLD, SPARE_BYTES);
	(void)mallopt(M_ARENA_MAX, HEAPS_MAX);
}

static bool is_ebb(const struct heap_tide *tide, size_t held, int64_t now_ms)
{
	return held < tide->most / EBB_SHARE && now_ms - tide->ebb_ms >= EBB_EVERY_MS;
}

bool heap_tide_tell(struct heap_tide *tide, size_t held, int64_t now_ms)
{
	bool ebb;

	if (tide->ebb_ms == 0)
		tide->ebb_ms = now_ms;
	if (held > tide->most)
		tide->most = held;
	ebb = is_ebb(tide, held, now_ms);
	if (ebb) {
		(void)malloc_trim(0);
		*tide = (struct heap_tide){held, now_ms};
	}
	return ebb;
}
