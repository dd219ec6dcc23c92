/* A value that is refused is found, and costs its neighbours nothing. */
#include "domain/halving.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WHOLE = 500 };

/* A line of jobs, of which some have a value that is refused; who is done leaves it. */
struct line {
	size_t n;
	bool bad[WHOLE];
	size_t taken, blamed, statements;
};

static void line_leave(struct line *l, size_t n)
{
	memmove(l->bad, l->bad + n, (l->n - n) * sizeof(*l->bad));
	l->n -= n;
}

static void line_send(struct line *l, struct halving *h)
{
	const size_t n = halving_most(h, l->n);
	bool bad = false;

	for (size_t i = 0; i < n; i++)
		bad |= l->bad[i];
	l->statements++;
	if (!bad) {
		l->taken += n;
		line_leave(l, n);
		halving_taken(h, WHOLE);
	} else if (halving_refused(h, n)) {
		l->blamed += l->bad[0];
		line_leave(l, 1);
	}
}

/* Every place of one, then many at once; a statement never goes without somebody. */
/* promises: C4 */
static void test_who_is_to_blame_is_found_and_the_others_are_taken(void **state)
{
	for (size_t bads = 1; bads <= 40; bads += 13) {
		for (size_t at = 0; at < WHOLE; at++) {
			struct line l = {.n = WHOLE};
			struct halving h = {0};

			for (size_t i = 0; i < bads; i++)
				l.bad[(at + i * 7) % WHOLE] = true;
			while (l.n > 0 && l.statements < WHOLE * 10)
				line_send(&l, &h);
			assert_int_equal(l.n, 0);
			assert_int_equal(l.blamed, bads);
			assert_int_equal(l.taken, WHOLE - bads);
			assert_in_range(l.statements, 1, 40 * bads);
		}
	}
}

/* promises: C4 */
static void test_batches_are_whole_again(void **state)
{
	struct line l = {.n = 8, .bad = {[5] = true}};
	struct halving h = {0};

	assert_false(halving_is_on(&h));
	line_send(&l, &h);
	assert_true(halving_is_on(&h));
	assert_int_equal(halving_most(&h, 3), 3);
	while (l.n > 0)
		line_send(&l, &h);
	for (int i = 0; i < 10; i++)
		halving_taken(&h, WHOLE);
	assert_false(halving_is_on(&h));
	assert_int_equal(halving_most(&h, WHOLE), WHOLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_is_to_blame_is_found_and_the_others_are_taken),
		cmocka_unit_test(test_batches_are_whole_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
