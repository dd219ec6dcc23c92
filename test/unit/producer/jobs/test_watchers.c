/* Who waits for a job is told once, and by the first of: it moved, time is up, we close. */
#include "jobs/watchers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct waiting {
	struct watcher watcher; /* first */
	struct watchers *again; /* watches again when told */
	int told[3];		/* by why */
};

static void told(struct watcher *w, enum watcher_why why)
{
	struct waiting *waiting = (struct waiting *)(void *)w;

	assert_false(w->watching);
	waiting->told[why]++;
	if (waiting->again) {
		shares_set(&waiting->again->n, w->key.tenant, 0, 1);
		watchers_add(waiting->again, w);
	}
}

/* Two jobs of one bucket, and a job of another. */
static struct id job(uint8_t n)
{
	return (struct id){.bytes = {[0] = n, [15] = n == 3}};
}

static struct watchers *made(struct waiting *waiting, size_t n)
{
	struct watchers *watchers = calloc(1, sizeof *watchers);

	assert_non_null(watchers);
	watchers_init(watchers);
	for (size_t i = 0; i < n; i++) {
		waiting[i].watcher.told = told;
		shares_set(&watchers->n, waiting[i].watcher.key.tenant, 0, 1);
		watchers_add(watchers, &waiting[i].watcher);
	}
	return watchers;
}

static void test_only_those_of_the_job_with_another_version_are_told(void **state)
{
	struct waiting w[] = {
		{.watcher.key.job = job(1), .watcher.version = 7},
		{.watcher.key.job = job(1), .watcher.version = 8},
		{.watcher.key.job = job(2), .watcher.version = 7},
		{.watcher.key.job = job(3), .watcher.version = 7},
	};
	struct watchers *watchers = made(w, 4);

	watchers_moved(watchers, job(1), 8);
	watchers_moved(watchers, job(1), 8);
	assert_int_equal(watchers->n.all, 3);
	watchers_moved(watchers, job(1), -1);
	assert_int_equal(w[0].told[WATCHER_MOVED], 1);
	assert_int_equal(w[1].told[WATCHER_MOVED], 1);
	assert_int_equal(w[2].told[WATCHER_MOVED] + w[3].told[WATCHER_MOVED], 0);
	assert_int_equal(watchers->n.all, 2);
	free(watchers);
}

static void test_who_watches_again_at_once_is_told_once_a_move(void **state)
{
	struct waiting w[2] = {{.watcher.key.job = job(1)}, {.watcher.key.job = job(2)}};
	struct watchers *watchers = made(w, 2);

	w[0].again = watchers;
	watchers_moved(watchers, job(1), -1);
	assert_int_equal(w[0].told[WATCHER_MOVED], 1);
	watchers_late(watchers, 0);
	assert_int_equal(w[0].told[WATCHER_TIME], 1);
	assert_int_equal(watchers->n.all, 1);
	assert_true(w[0].watcher.watching);
	free(watchers);
}

static void test_time_is_up_for_those_alone_whose_time_came(void **state)
{
	struct waiting w[2] = {{.watcher.key.job = job(1), .watcher.until_ms = 10},
		{.watcher.key.job = job(1), .watcher.until_ms = 11}};
	struct watchers *watchers = made(w, 2);

	watchers_late(watchers, 9);
	assert_int_equal(watchers->n.all, 2);
	watchers_late(watchers, 10);
	assert_int_equal(w[0].told[WATCHER_TIME], 1);
	assert_int_equal(w[1].told[WATCHER_TIME], 0);
	free(watchers);
}

static void test_who_leaves_is_not_told_and_a_close_tells_the_others(void **state)
{
	struct waiting w[3] = {{.watcher.key.job = job(1)}, {.watcher.key.job = job(2)},
		{.watcher.key.job = job(3)}};
	struct watchers *watchers = made(w, 3);

	watchers_remove(watchers, &w[1].watcher);
	watchers_remove(watchers, &w[1].watcher);
	watchers_close(watchers);
	assert_int_equal(w[0].told[WATCHER_CLOSING], 1);
	assert_int_equal(w[1].told[WATCHER_CLOSING], 0);
	assert_int_equal(w[2].told[WATCHER_CLOSING], 1);
	assert_int_equal(watchers->n.all, 0);
	free(watchers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_those_of_the_job_with_another_version_are_told),
		cmocka_unit_test(test_who_watches_again_at_once_is_told_once_a_move),
		cmocka_unit_test(test_time_is_up_for_those_alone_whose_time_came),
		cmocka_unit_test(test_who_leaves_is_not_told_and_a_close_tells_the_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
