#include "ground/heap.h"

#include <malloc.h>

enum { MAPPED_BYTES = 256 << 10, SPARE_BYTES = 1 << 20, HEAPS_MAX = 4 };

void heap_begin(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
	(void)mallopt(M_TRIM_THRESHOLD, SPARE_BYTES);
	(void)mallopt(M_ARENA_MAX, HEAPS_MAX);
}
