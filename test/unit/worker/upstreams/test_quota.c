/* What is given out of a configured limit, against an upstream that counts the last minute at each
 * call. Time is a number in here. */
#include "upstreams/quota.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { LIMIT = 100000, MINUTES = 8, MINUTE_MS = 60000, LATE_MS = 500, WORKERS = 4, SMALLEST = 100 };

static const struct config_pacing pacing = {.headroom_percent = 2, .burst_ms = 200};

struct day {
	int asked, refused;
	double used;
};

/* What an upstream let pass, one size all. */
struct minute {
	int64_t at_ms[8 * LIMIT / SMALLEST];
	size_t first, n;
};

/* No minute, wherever it begins, holds more than the limit. */
static bool minute_passes(struct minute *m, double size, int64_t now_ms)
{
	while (m->n && m->at_ms[m->first] <= now_ms - MINUTE_MS) {
		m->first++;
		m->n--;
	}
	if ((double)(m->n + 1) * size > LIMIT)
		return false;
	m->at_ms[m->first + m->n++] = now_ms;
	return true;
}

/* So much later than leave was given does a call arrive: most soon, some late. */
static int64_t late_ms(int n)
{
	return n % 7 == 3 ? LATE_MS : (int64_t)(n % 5) * 20;
}

/* Workers that know nothing of each other call whenever they may, one call of that size each. */
static struct day calls_of(double size, double workers)
{
	const struct quota_rule rule = {LIMIT, size, &pacing};
	const struct quota_fleet fleet = {.alone = true, .workers = workers};
	static int arrive[MINUTES * MINUTE_MS + LATE_MS + 1];
	static struct minute upstream;
	struct day day = {0};
	struct quota q;

	memset(arrive, 0, sizeof(arrive));
	upstream = (struct minute){.n = 0};
	quota_init(&q);
	for (int64_t now = 0; now < (int64_t)MINUTES * MINUTE_MS; now++) {
		quota_configure(&q, &rule, fleet, now);
		if (quota_has(&q, size, fleet, now)) {
			quota_take(&q, size, fleet, now);
			arrive[now + late_ms(day.asked++)] += (int)workers;
		}
		for (; arrive[now]; arrive[now]--)
			if (minute_passes(&upstream, size, now))
				day.used += size * 100 / (LIMIT * MINUTES);
			else
				day.refused++;
	}
	return day;
}

/* promises: C14 */
static void test_no_call_is_refused_whatever_its_size(void **state)
{
	static const struct {
		double size;
		double least_used; /* percent */
	} rows[] = {{SMALLEST, 97.5}, {500, 97.5}, {1667, 95}, {2501, 95}, {3002, 95}, {5001, 92},
		{12600, 80}, {19000, 75}, {34000, 60}, {60000, 45}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct day day = calls_of(rows[i].size, 1);

		if (day.refused || day.used < rows[i].least_used)
			fail_msg("%.0f tokens: %d of %d calls refused, %.1f %% used", rows[i].size,
				day.refused, day.asked, day.used);
	}
}

/* Each has its share, and a call at the edge of it.
 * promises: C14, C16 */
static void test_workers_alone_keep_to_it_together(void **state)
{
	const struct day day = calls_of(3002, WORKERS);

	assert_int_equal(day.refused, 0);
	assert_true(day.used > 80);
}

/* A call that took long tells what was left when it began.
 * promises: C14 */
static void test_an_old_word_holds_nobody_up(void **state)
{
	const struct quota_fleet fleet = {.alone = true, .workers = 1};
	const struct quota_rule rule = {60, 0, &pacing};
	const struct rate_said none_left = {60, 0, -1};
	struct quota q;

	quota_init(&q);
	q.call = 1;
	quota_configure(&q, &rule, fleet, 0);
	quota_learn(&q, &none_left, true, 30000, 0);
	assert_true(quota_has(&q, 1, fleet, 0));
	quota_learn(&q, &none_left, true, 0, 0);
	assert_false(quota_has(&q, 1, fleet, 0));
	assert_in_range(quota_wait_ms(&q, 1, fleet, 0, 0), 1000, 1300);
	assert_true(quota_has(&q, 1, fleet, 1300));
}

/* A Redis that refuses again and again is told in the end what is left by then.
 * promises: C16 */
static void test_who_is_refused_tells_later_what_is_left_then(void **state)
{
	enum { CAPACITY = 1000, PER_MINUTE = 60000, THEN_MS = 500 };
	const struct quota_fleet fleet = {.alone = true, .workers = 1};
	struct quota q;

	quota_init(&q);
	quota_limit(&q, PER_MINUTE, CAPACITY, fleet, 0);
	quota_take(&q, CAPACITY, fleet, 0);
	quota_remember(&q, 1, 0, 0);
	quota_return(&q, 1, 0);
	assert_true(quota_send(&q).seen == 0);
	quota_untold(&q);
	quota_return(&q, 1, THEN_MS);
	assert_true(quota_send(&q).seen == THEN_MS);
	quota_told(&q, &(struct quota_news){.level = THEN_MS});
	quota_return(&q, 1, THEN_MS);
	assert_true(quota_send(&q).seen <= QUOTA_UNSEEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_call_is_refused_whatever_its_size),
		cmocka_unit_test(test_workers_alone_keep_to_it_together),
		cmocka_unit_test(test_an_old_word_holds_nobody_up),
		cmocka_unit_test(test_who_is_refused_tells_later_what_is_left_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
