/* The figure to scale workers by: what it counts, and that following it leads to the right number
 * of workers and stays there. */
#include "domain/scaling.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int64_t wanted(struct scaling_queue queue)
{
	return scaling_slots_wanted(&queue);
}

/* promises: C15 */
static void test_it_is_what_runs_and_what_could(void **state)
{
	assert_int_equal(wanted((struct scaling_queue){.ready = 7, .running = 5}), 12);
	assert_int_equal(wanted((struct scaling_queue){.running = 5}), 5);
	assert_int_equal(wanted((struct scaling_queue){.ready = 0}), 0);
}

/* promises: C15 */
static void test_what_more_workers_could_not_start_is_not_wanted(void **state)
{
	assert_int_equal(
		wanted((struct scaling_queue){.ready = 100, .running = 8, .concurrency = 10}), 10);
	assert_int_equal(
		wanted((struct scaling_queue){.ready = 100, .running = 12, .concurrency = 10}), 12);
	assert_int_equal(
		wanted((struct scaling_queue){.ready = 100, .running = 8, .paused = true}), 8);
	assert_int_equal(wanted((struct scaling_queue){.ready = 100, .running = 8, .rate = 2}), 11);
}

/* ---- an autoscaler that follows it ----
 *
 * Kubernetes' horizontal pod autoscaler (v2), as KEDA drives it: every 15 s
 * ceil(figure / target); nothing within a tenth; down only to the most that was wanted in
 * the last five minutes. A new worker takes 30 s to come. Jobs come by chance (Poisson)
 * and run 30 s on average (exponential). */

enum {
	SLOTS = 50, /* of a worker */
	TARGET = 40,
	SERVICE_S = 30,
	START_S = 30,
	SYNC_S = 15,
	WINDOW = 300 / SYNC_S,
	WORKERS_MAX = 100,
	FOLLOW_S = 600
};

struct fleet {
	uint64_t chance;
	int64_t now_s;
	int64_t ready, running, worst_ready;
	int workers, coming; /* coming: asked for and not here yet */
	int64_t here_s;	     /* when those are */
	int wishes[WINDOW];
	size_t wish;
	int turns, last_step; /* changes of direction */
};

/* Between 0 and 1; splitmix64. */
static double chance(struct fleet *f)
{
	uint64_t z = f->chance += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

static int64_t hits(struct fleet *f, int64_t trials, double p)
{
	int64_t n = 0;

	for (int64_t i = 0; i < trials; i++)
		n += chance(f) < p;
	return n;
}

static void work_a_second(struct fleet *f, int64_t arrivals)
{
	int64_t free_slots;

	f->ready += hits(f, 100 * arrivals, 0.01);
	f->running -= hits(f, f->running, 1.0 / SERVICE_S);
	free_slots = (int64_t)f->workers * SLOTS - f->running;
	if (free_slots > f->ready)
		free_slots = f->ready;
	if (free_slots > 0) {
		f->running += free_slots;
		f->ready -= free_slots;
	}
	if (f->ready > f->worst_ready)
		f->worst_ready = f->ready;
}

static int most(const int *list, size_t n)
{
	int found = list[0];

	for (size_t i = 1; i < n; i++)
		found = list[i] > found ? list[i] : found;
	return found;
}

static void step_count(struct fleet *f, int step)
{
	f->turns += f->last_step && step != f->last_step;
	f->last_step = step;
}

static void scale(struct fleet *f)
{
	const struct scaling_queue queue = {.ready = f->ready, .running = f->running};
	const int all = f->workers + f->coming;
	const double figure = (double)scaling_slots_wanted(&queue);
	const double ratio = figure / ((double)all * TARGET);
	int wish = ratio > 0.9 && ratio < 1.1 ? all : (int)((figure + TARGET - 1) / TARGET);

	if (wish < 1)
		wish = 1;
	f->wishes[f->wish++ % WINDOW] = wish;
	if (wish < all) {
		wish = most(f->wishes, WINDOW);
		wish = wish < all ? wish : all;
	}
	if (wish > all && wish <= WORKERS_MAX) {
		f->coming += wish - all;
		f->here_s = f->now_s + START_S;
		step_count(f, 1);
	} else if (wish < f->workers && f->coming == 0) {
		f->workers = wish;
		step_count(f, -1);
	}
}

static void run(struct fleet *f, int64_t seconds, int64_t arrivals)
{
	for (int64_t end_s = f->now_s + seconds; f->now_s < end_s; f->now_s++) {
		if (f->coming && f->now_s >= f->here_s) {
			f->workers += f->coming;
			f->coming = 0;
		}
		work_a_second(f, arrivals);
		if (f->now_s % SYNC_S == 0)
			scale(f);
	}
}

/* What Little's law says, at the target's utilisation. */
static int right_number(int64_t arrivals)
{
	return (int)((arrivals * SERVICE_S + TARGET - 1) / TARGET);
}

static void assert_right(const struct fleet *f, int64_t arrivals)
{
	const int right = right_number(arrivals);

	assert_in_range(f->workers, right, right + right / 4 + 1);
	assert_int_equal(f->coming, 0);
	assert_true(f->ready < arrivals * 3);
}

/* promises: C15 */
static void test_workers_follow_when_arrivals_double_and_when_they_halve(void **state)
{
	struct fleet f = {.chance = 7, .workers = 1};

	run(&f, 2 * FOLLOW_S, 10);
	assert_right(&f, 10);
	run(&f, FOLLOW_S, 20);
	assert_right(&f, 20);
	run(&f, 2 * FOLLOW_S, 10);
	assert_right(&f, 10);
}

/* promises: C15 */
static void test_a_steady_load_moves_nothing(void **state)
{
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct fleet f = {.chance = seed, .workers = right_number(20)};

		run(&f, FOLLOW_S, 20);
		f.turns = f.last_step = 0;
		run(&f, 3600, 20);
		assert_right(&f, 20);
		assert_in_range(f.turns, 0, 1);
	}
}

/* promises: C15 */
static void test_a_deep_backlog_is_worked_off_and_then_let_go(void **state)
{
	struct fleet f = {.chance = 3, .workers = 8, .ready = 2000};

	run(&f, FOLLOW_S, 10);
	assert_true(f.ready < 100);
	run(&f, 2 * FOLLOW_S, 10);
	assert_right(&f, 10);
	assert_in_range(f.turns, 0, 1); /* up, and down once */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_is_what_runs_and_what_could),
		cmocka_unit_test(test_what_more_workers_could_not_start_is_not_wanted),
		cmocka_unit_test(test_workers_follow_when_arrivals_double_and_when_they_halve),
		cmocka_unit_test(test_a_steady_load_moves_nothing),
		cmocka_unit_test(test_a_deep_backlog_is_worked_off_and_then_let_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
