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

enum { PIECE = 3000, PIECES = 20000, KEPT_EVERY = 50, MINUTE_MS = 60000 };

/* Many small blocks, of which few live on, so that the heap's top cannot fall. */
static void scatter(void *kept[PIECES / KEPT_EVERY])
{
	static void *pieces[PIECES];

	for (size_t i = 0; i < PIECES; i++) {
		pieces[i] = malloc(PIECE);
		assert_non_null(pieces[i]);
		memset(pieces[i], 1, PIECE);
	}
	for (size_t i = 0; i < PIECES; i++)
		if (i % KEPT_EVERY == KEPT_EVERY - 1)
			kept[i / KEPT_EVERY] = pieces[i];
		else
			free(pieces[i]);
}

/* promises: C12 */
static void test_the_ebb_gives_back_what_small_blocks_left(void **state)
{
	void *kept[PIECES / KEPT_EVERY];
	struct heap_tide tide = {0};
	size_t full;

	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip(); /* the allocator is not glibc's */
#endif
	assert_false(heap_tide_tell(&tide, PIECES, 1));
	scatter(kept);
	full = resident();
	assert_false(heap_tide_tell(&tide, PIECES / 2, 1 + MINUTE_MS)); /* no ebb */
	assert_false(heap_tide_tell(&tide, 0, MINUTE_MS));		/* too soon */
	assert_true(heap_tide_tell(&tide, 0, 1 + MINUTE_MS));
	assert_true(resident() < full - (size_t)PIECES * PIECE / 2);
	assert_false(heap_tide_tell(&tide, 0, 1 + 2 * MINUTE_MS)); /* nothing rose since */
	for (size_t i = 0; i < PIECES / KEPT_EVERY; i++)
		free(kept[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_burst_of_large_blocks_leaves_nothing),
		cmocka_unit_test(test_the_ebb_gives_back_what_small_blocks_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
