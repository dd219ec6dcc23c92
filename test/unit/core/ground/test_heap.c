/* What a burst of large blocks took goes back to the system. */
#include "ground/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { BLOCK = 15 << 20, BLOCKS = 8, SMALL = 64 };

static size_t resident(void)
{
	size_t all = 0, here = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%zu %zu", &all, &here), 2);
	assert_int_equal(fclose(f), 0);
	return here * (size_t)sysconf(_SC_PAGESIZE);
}

/* Each with a small neighbour that outlives it. */
static void burst(void *small[BLOCKS])
{
	void *blocks[BLOCKS];

	for (size_t i = 0; i < BLOCKS; i++) {
		blocks[i] = malloc(BLOCK);
		assert_non_null(blocks[i]);
		memset(blocks[i], 1, BLOCK);
		small[i] = malloc(SMALL);
		assert_non_null(small[i]);
	}
	for (size_t i = 0; i < BLOCKS; i++)
		free(blocks[i]);
}

/* promises: C12 */
static void test_a_burst_of_large_blocks_leaves_nothing(void **state)
{
	void *small[2 * BLOCKS];
	size_t before;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip(); /* the allocator is not glibc's */
#endif
	heap_begin();
	before = resident();
	burst(small);
	burst(small + BLOCKS); /* glibc has learnt from the first */
	assert_true(resident() < before + BLOCK);
	for (size_t i = 0; i < 2 * BLOCKS; i++)
		free(small[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_burst_of_large_blocks_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
