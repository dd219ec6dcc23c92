/* wall_clock.c - a process whose wall clock is wrong, and may be set while it runs.
 *
 * What it is told are microseconds that its wall clock is ahead (or behind, below 0). The
 * monotonic clock stays true, as it does when somebody sets a real one. A wait until a moment of
 * the wall clock ends when that clock says so, also when it was set meanwhile: it waits in short
 * pieces.
 *
 * Not moved: what the kernel dates (files, packets), and the true time that timerfd or a futex of
 * nobody's library here would ask for. */
#include "preload/control.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

enum { SECOND_NS = 1000000000, PIECE_NS = 10000000 };
/* Seconds that no machine has run, and no wall clock here says: a wait for less is by the monotonic
 * clock, as a condition may be told to wait (pthread_condattr_setclock). */
static const time_t WALL_LEAST_S = 500000000;

static struct control *control;

__attribute__((constructor)) static void begin(int argc, char **argv)
{
	control = control_of(argc, argv, "wall-clock");
}

static struct timespec later(struct timespec at, int64_t ns)
{
	at.tv_sec += ns / SECOND_NS;
	at.tv_nsec += ns % SECOND_NS;
	if (at.tv_nsec >= SECOND_NS || at.tv_nsec < 0) {
		const int carry = at.tv_nsec < 0 ? -1 : 1;

		at.tv_sec += carry;
		at.tv_nsec -= carry * SECOND_NS;
	}
	return at;
}

/* Functions of the C library, in our words. NOLINTBEGIN(readability-inconsistent-*) */

int clock_gettime(clockid_t which, struct timespec *ret_now)
{
	const int failed = (int)syscall(SYS_clock_gettime, which, ret_now);

	if (!failed && control && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE))
		*ret_now = later(*ret_now, atomic_load(&control->command) * 1000);
	return failed;
}

int gettimeofday(struct timeval *restrict ret_now, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	*ret_now = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
	return 0;
}

time_t time(time_t *ret_now)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (ret_now)
		*ret_now = now.tv_sec;
	return now.tv_sec;
}

int timespec_get(struct timespec *ret_now, int base)
{
	return base == TIME_UTC && !clock_gettime(CLOCK_REALTIME, ret_now) ? base : 0;
}

static bool is_past(struct timespec now, struct timespec until)
{
	return now.tv_sec > until.tv_sec ||
	       (now.tv_sec == until.tv_sec && now.tv_nsec >= until.tv_nsec);
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict lock,
	const struct timespec *restrict until)
{
	struct timespec now;
	int how = ETIMEDOUT;

	if (until->tv_sec < WALL_LEAST_S)
		return pthread_cond_clockwait(condition, lock, CLOCK_MONOTONIC, until);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	while (how == ETIMEDOUT && !is_past(now, *until)) {
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		now = later(now, PIECE_NS);
		how = pthread_cond_clockwait(condition, lock, CLOCK_MONOTONIC, &now);
		(void)clock_gettime(CLOCK_REALTIME, &now);
	}
	return how;
}

/* Of the C library, both kinds of conditions and locks are the same. */
int cnd_timedwait(
	cnd_t *restrict condition, mtx_t *restrict lock, const struct timespec *restrict until)
{
	const int how =
		pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)lock, until);

	return how == ETIMEDOUT ? thrd_timedout : how ? thrd_error : thrd_success;
}

/* NOLINTEND(readability-inconsistent-*) */
