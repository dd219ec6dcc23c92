/* threads: yes */
/* One thread, many things to wait for. */
#include "ports/loop.h"

#include "ground/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

struct world {
	struct loop *loop;
	struct loop_timer *timer, *guard;
	struct loop_io *io;
	struct loop_wake *wake;
	struct loop_idle *idle;
	int fds[2];
	int ticks, reads, wakes, idles, signals, faults;
	int64_t took_ms[3]; /* by kind of work */
};

/* No test may hang: after two minutes its loop stops and its counts are wrong. */
enum { GUARD_MS = 120000 };

static void on_guard(void *owner)
{
	struct world *w = owner;

	loop_stop(w->loop);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_int_equal(loop_new(&w->loop), ERR_OK);
	assert_int_equal(loop_timer_new(w->loop, on_guard, w, &w->guard), ERR_OK);
	loop_timer_start(w->guard, GUARD_MS);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, w->fds), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	loop_timer_free(w->timer);
	loop_timer_free(w->guard);
	loop_io_free(w->io);
	loop_wake_free(w->wake);
	loop_after_io_free(w->idle);
	loop_free(w->loop);
	close(w->fds[0]);
	close(w->fds[1]);
	free(w);
	return 0;
}

static void on_tick(void *owner)
{
	struct world *w = owner;

	if (++w->ticks == 3)
		loop_stop(w->loop);
	else
		loop_timer_start(w->timer, 1);
}

static void test_a_timer_started_from_its_callback_repeats(void **state)
{
	struct world *w = *state;

	assert_int_equal(loop_timer_new(w->loop, on_tick, w, &w->timer), ERR_OK);
	assert_false(loop_timer_active(w->timer));
	loop_timer_start(w->timer, 1);
	assert_true(loop_timer_active(w->timer));
	loop_run(w->loop);
	assert_int_equal(w->ticks, 3);
	assert_false(loop_timer_active(w->timer));
}

static void test_a_stopped_timer_stays_silent(void **state)
{
	struct world *w = *state;

	assert_int_equal(loop_timer_new(w->loop, on_tick, w, &w->timer), ERR_OK);
	loop_timer_start(w->timer, 0);
	loop_timer_stop(w->timer);
	loop_timer_start(w->guard, 5);
	loop_run(w->loop);
	assert_int_equal(w->ticks, 0);
}

static void on_read(void *owner, int events)
{
	struct world *w = owner;
	char bytes[8];

	assert_true(events & LOOP_READ);
	w->reads += (int)read(w->fds[0], bytes, 1);
	if (w->reads == 3)
		loop_stop(w->loop);
}

static void test_a_descriptor_is_told_while_there_is_something_left(void **state)
{
	struct world *w = *state;

	assert_int_equal(loop_io_new(w->loop, w->fds[0], on_read, w, &w->io), ERR_OK);
	loop_io_want(w->io, LOOP_READ);
	assert_int_equal(write(w->fds[1], "abc", 3), 3);
	loop_run(w->loop);
	assert_int_equal(w->reads, 3);
}

static void test_a_paused_descriptor_stays_silent(void **state)
{
	struct world *w = *state;

	assert_int_equal(loop_io_new(w->loop, w->fds[0], on_read, w, &w->io), ERR_OK);
	loop_io_want(w->io, LOOP_READ);
	loop_io_want(w->io, 0);
	assert_int_equal(write(w->fds[1], "abc", 3), 3);
	loop_timer_start(w->guard, 5);
	loop_run(w->loop);
	assert_int_equal(w->reads, 0);
	loop_io_want(w->io, LOOP_READ);
	loop_timer_start(w->guard, GUARD_MS);
	loop_run(w->loop);
	assert_int_equal(w->reads, 3);
}

static void on_hangup(void *owner, int events)
{
	struct world *w = owner;
	char byte;

	if (events != 0 && read(w->fds[0], &byte, 1) <= 0 && ++w->faults == 2) {
		loop_io_free(w->io);
		w->io = NULL;
		loop_stop(w->loop);
	}
}

static void test_a_hangup_is_told_until_the_owner_lets_go(void **state)
{
	struct world *w = *state;

	assert_int_equal(loop_io_new(w->loop, w->fds[0], on_hangup, w, &w->io), ERR_OK);
	loop_io_want(w->io, LOOP_READ | LOOP_WRITE);
	shutdown(w->fds[1], SHUT_RDWR);
	loop_run(w->loop);
	assert_int_equal(w->faults, 2);
}

static void on_wake(void *owner)
{
	struct world *w = owner;

	w->wakes++;
	loop_stop(w->loop);
}

static void *send_wakes(void *owner)
{
	struct world *w = owner;

	for (int i = 0; i < 100; i++)
		loop_wake_send(w->wake);
	return NULL;
}

static void test_another_thread_wakes_the_loop(void **state)
{
	struct world *w = *state;
	pthread_t thread;

	assert_int_equal(loop_wake_new(w->loop, on_wake, w, &w->wake), ERR_OK);
	assert_int_equal(pthread_create(&thread, NULL, send_wakes, w), 0);
	loop_run(w->loop);
	pthread_join(thread, NULL);
	assert_in_range(w->wakes, 1, 100);
}

static void on_idle(void *owner)
{
	struct world *w = owner;

	w->idles++;
	if (w->ticks == 3)
		assert_true(w->idles >= 3);
}

static void on_idle_that_goes(void *owner)
{
	struct world *w = owner;

	w->idles++;
	loop_after_io_free(w->idle);
	w->idle = NULL;
}

static void test_the_end_of_a_turn_comes_before_the_loop_sleeps(void **state)
{
	struct world *w = *state;

	assert_int_equal(loop_timer_new(w->loop, on_tick, w, &w->timer), ERR_OK);
	assert_int_equal(loop_after_io_new(w->loop, on_idle, w, &w->idle), ERR_OK);
	loop_timer_start(w->timer, 1);
	loop_run(w->loop);
	assert_true(w->idles >= 2);
}

static void test_an_end_of_turn_may_free_itself(void **state)
{
	struct world *w = *state;

	assert_int_equal(loop_after_io_new(w->loop, on_idle_that_goes, w, &w->idle), ERR_OK);
	loop_timer_start(w->guard, 5);
	loop_run(w->loop);
	assert_int_equal(w->idles, 1);
}

static void on_signal(void *owner, int signo)
{
	struct world *w = owner;

	w->signals = signo;
	loop_stop(w->loop);
}

static void test_a_signal_arrives_on_the_loop(void **state)
{
	struct world *w = *state;
	struct loop_signal *signal_of_ours = NULL;

	assert_int_equal(loop_signal_new(w->loop, SIGUSR1, on_signal, w, &signal_of_ours), ERR_OK);
	kill(getpid(), SIGUSR1);
	loop_run(w->loop);
	assert_int_equal(w->signals, SIGUSR1);
	loop_signal_free(signal_of_ours);
}

static void test_a_loop_stopped_before_it_runs_returns_at_once(void **state)
{
	struct world *w = *state;

	loop_stop(w->loop);
	loop_run(w->loop);
	assert_int_equal(loop_health(w->loop)->turns, 0);
}

enum { KIND_SHORT = 1, KIND_LONG = 2, TRIES = 100, CLEAR_MS = 15 };

/* Shown by a build that finds leaks: setup and teardown do the rest. */
static void test_a_loop_stopped_by_the_last_to_go_is_freed_all_the_same(void **state)
{
	struct world *w = *state;

	loop_stop(w->loop);
}

static void work(struct world *w, unsigned kind, int64_t ms)
{
	const unsigned before = loop_work(w->loop, kind);
	const int64_t from_ms = clock_ms();

	while (clock_ms() < from_ms + ms)
		;
	w->took_ms[kind] += clock_ms() - from_ms;
	loop_work(w->loop, before);
}

static void on_stall(void *owner)
{
	struct world *w = owner;

	work(w, KIND_SHORT, 20);
	work(w, KIND_LONG, 60);
	work(w, KIND_SHORT, 20);
	loop_timer_start(w->guard, 20); /* asleep in between: that is nobody's fault */
}

/* One turn that stalls as we wish. False: the machine held up another turn, or what was short. */
static bool stalls_as_meant(struct world *w)
{
	memset(w->took_ms, 0, sizeof(w->took_ms));
	loop_timer_start(w->timer, 100);
	loop_run(w->loop);
	return loop_health(w->loop)->stalls == 1 &&
	       w->took_ms[KIND_LONG] >= w->took_ms[KIND_SHORT] + CLEAR_MS;
}

/* promises: C15 */
static void test_a_stall_is_blamed_on_what_took_most_of_the_turn(void **state)
{
	struct world *w = *state;
	const struct loop_health *health;
	struct loop_health sum = {0};

	assert_int_equal(loop_timer_new(w->loop, on_stall, w, &w->timer), ERR_OK);
	for (int i = 0; i < TRIES && !stalls_as_meant(w); i++) {
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
		w = *state;
		assert_int_equal(loop_timer_new(w->loop, on_stall, w, &w->timer), ERR_OK);
	}
	health = loop_health(w->loop);
	assert_int_equal(health->blamed[KIND_LONG], 1);
	assert_int_equal(health->blamed[KIND_SHORT], 0);
	assert_int_equal(health->last_kind, KIND_LONG);
	assert_true(health->last_us > 50000);
	assert_true(health->worst_us >= health->last_us);
	assert_int_equal(histogram_count(&health->turn_us), health->turns);
	loop_health_add(w->loop, &sum);
	loop_health_add(w->loop, &sum);
	assert_int_equal(sum.turns, 2 * health->turns);
	assert_int_equal(histogram_count(&sum.turn_us), sum.turns);
	assert_int_equal(sum.turn_us.sum, 2 * health->turn_us.sum);
	assert_int_equal(sum.stalls, 2);
	assert_int_equal(sum.blamed[KIND_LONG], 2);
	assert_int_equal(sum.last_kind, KIND_LONG);
	assert_true(sum.last_us == health->last_us && sum.worst_us == health->worst_us);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_timer_started_from_its_callback_repeats),
		CASE(test_a_stopped_timer_stays_silent),
		CASE(test_a_descriptor_is_told_while_there_is_something_left),
		CASE(test_a_paused_descriptor_stays_silent),
		CASE(test_a_hangup_is_told_until_the_owner_lets_go),
		CASE(test_another_thread_wakes_the_loop),
		CASE(test_the_end_of_a_turn_comes_before_the_loop_sleeps),
		CASE(test_an_end_of_turn_may_free_itself),
		CASE(test_a_signal_arrives_on_the_loop),
		CASE(test_a_loop_stopped_before_it_runs_returns_at_once),
		CASE(test_a_loop_stopped_by_the_last_to_go_is_freed_all_the_same),
		CASE(test_a_stall_is_blamed_on_what_took_most_of_the_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
