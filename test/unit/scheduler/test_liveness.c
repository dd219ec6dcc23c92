/* Who is dead: by its lock, by its lease, and never because we ourselves were away. */
#include "liveness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { LEASE_MS = 6000, OLD_MS = 60000 };

static struct id by_lock[8], by_lease[8];

static struct reap_worker worker(bool silent, bool lock, bool lapsed)
{
	return (struct reap_worker){.id = id_new(0),
		.silent = silent,
		.lock = lock,
		.lapsed = lapsed,
		.lease_ms = LEASE_MS};
}

static struct liveness hold(struct liveness_memory *memory, const struct reap_worker *workers,
	size_t n, int64_t now_ms, int64_t session_ms)
{
	struct liveness dead = {.by_lock = by_lock, .by_lease = by_lease};

	liveness_judge(memory, workers, n, now_ms, session_ms, &dead);
	return dead;
}

/* promises: C7 */
static void silence_without_a_lock_is_death(void **state)
{
	struct liveness_memory memory = {0};
	struct reap_worker w[] = {worker(true, false, false), worker(false, true, false)};
	struct liveness dead = hold(&memory, w, 2, 1000, OLD_MS);

	assert_int_equal(dead.by_lock_n, 1);
	assert_true(id_equal(dead.by_lock[0], w[0].id));
	assert_int_equal(dead.by_lease_n, 0);
}

/* promises: C7 */
static void silence_with_a_lock_waits_for_the_lease(void **state)
{
	struct liveness_memory memory = {0};
	struct reap_worker w[] = {worker(true, true, false), worker(false, true, false)};

	assert_int_equal(hold(&memory, w, 2, 1000, OLD_MS).by_lock_n, 0);
	w[0].lapsed = true;
	assert_int_equal(hold(&memory, w, 2, 1000, OLD_MS).by_lease_n, 1);
}

/* promises: C7 */
static void a_young_session_believes_nobody_dead(void **state)
{
	struct liveness_memory memory = {0};
	struct reap_worker w[] = {worker(true, false, true), worker(false, true, false)};
	struct liveness dead = hold(&memory, w, 2, 1000, LEASE_MS - 1);

	assert_int_equal(dead.by_lock_n + dead.by_lease_n, 0);
	assert_int_equal(hold(&memory, w, 2, 1001, LEASE_MS).by_lease_n, 1);
}

/* promises: C7 */
static void when_most_fall_silent_together_one_more_lease_passes(void **state)
{
	struct liveness_memory memory = {0};
	struct reap_worker w[] = {
		worker(true, false, true), worker(true, false, true), worker(false, true, false)};

	assert_int_equal(hold(&memory, w, 3, 1000, OLD_MS).by_lease_n, 0);
	assert_int_equal(hold(&memory, w, 3, 1000 + LEASE_MS - 1, OLD_MS).by_lease_n, 0);
	assert_int_equal(hold(&memory, w, 3, 1000 + LEASE_MS, OLD_MS).by_lease_n, 2);
}

/* promises: C7 */
static void a_silence_that_ended_is_forgotten(void **state)
{
	struct liveness_memory memory = {0};
	struct reap_worker w[] = {
		worker(true, false, false), worker(true, false, false), worker(false, true, false)};

	hold(&memory, w, 3, 1000, OLD_MS);
	w[1].silent = false;
	w[1].lock = true;
	assert_int_equal(hold(&memory, w, 3, 2000, OLD_MS).by_lock_n, 1);
	w[1].silent = true;
	assert_int_equal(hold(&memory, w, 3, 9000, OLD_MS).by_lock_n, 0);
}

/* promises: C7 */
static void where_the_living_show_no_locks_only_leases_count(void **state)
{
	struct liveness_memory memory = {0};
	struct reap_worker w[] = {worker(true, false, false), worker(false, false, false)};

	assert_int_equal(hold(&memory, w, 2, 1000, OLD_MS).by_lock_n, 0);
}

/* promises: C7 */
static void the_only_worker_of_a_small_fleet_is_no_mass(void **state)
{
	struct liveness_memory memory = {0};
	struct reap_worker w[] = {worker(true, false, false)};

	assert_int_equal(hold(&memory, w, 1, 1000, OLD_MS).by_lock_n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silence_without_a_lock_is_death),
		cmocka_unit_test(silence_with_a_lock_waits_for_the_lease),
		cmocka_unit_test(a_young_session_believes_nobody_dead),
		cmocka_unit_test(when_most_fall_silent_together_one_more_lease_passes),
		cmocka_unit_test(a_silence_that_ended_is_forgotten),
		cmocka_unit_test(where_the_living_show_no_locks_only_leases_count),
		cmocka_unit_test(the_only_worker_of_a_small_fleet_is_no_mass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
