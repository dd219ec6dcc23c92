#include "ports/loop.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

enum { STALL_US = 50000, WANT_UNKNOWN = -1 };

struct loop {
	uv_loop_t uv;
	uv_prepare_t before_wait; /* runs the after-I/O list, last thing before the loop sleeps */
	uv_check_t after_wait;	  /* measures the turn */
	struct loop_idle *first;
	bool running;
	uint64_t turn_ns, turn_idle_ns;
	unsigned kind; /* of work, now */
	int64_t kind_since_us;
	int64_t kind_us[LOOP_KINDS]; /* of this turn */
	pthread_mutex_t health_lock; /* written on the loop's thread, read on any */
	struct loop_health health;
};

struct loop_idle {
	struct loop *loop;
	struct loop_idle *next;
	loop_idle_fn *fn; /* NULL once freed; the list drops it after its round */
	void *owner;
};

struct loop_timer {
	uv_timer_t uv;
	struct loop *loop;
	loop_timer_fn *fn;
	void *owner;
};

struct loop_io {
	uv_poll_t uv;
	loop_io_fn *fn;
	void *owner;
	int want;
};

struct loop_wake {
	uv_async_t uv;
	loop_wake_fn *fn;
	void *owner;
};

struct loop_signal {
	uv_signal_t uv;
	loop_signal_fn *fn;
	void *owner;
};

/* Every libuv handle is the first member of what it belongs to. */
static void loop_closed(uv_handle_t *handle)
{
	free(handle);
}

static void loop_sweep(struct loop *loop)
{
	struct loop_idle **at = &loop->first;

	while (*at != NULL) {
		struct loop_idle *idle = *at;

		if (idle->fn != NULL) {
			at = &idle->next;
			continue;
		}
		*at = idle->next;
		free(idle);
	}
}

static int64_t coarse_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

unsigned loop_work(struct loop *loop, unsigned kind)
{
	const unsigned before = loop->kind;
	const int64_t now_us = coarse_us();

	loop->kind_us[before] += now_us - loop->kind_since_us;
	loop->kind_since_us = now_us;
	loop->kind = kind < LOOP_KINDS ? kind : 0;
	return before;
}

static void loop_before_wait(uv_prepare_t *handle)
{
	struct loop *loop = handle->data;

	for (struct loop_idle *idle = loop->first; idle != NULL; idle = idle->next) {
		if (idle->fn != NULL)
			idle->fn(idle->owner);
	}
	loop_sweep(loop);
	loop_work(loop, 0);
}

/* The time asleep passed between two kinds, so it lies with what has no name. */
static unsigned loop_culprit(struct loop *loop, int64_t asleep_us)
{
	unsigned worst = 0;

	loop->kind_us[0] -= asleep_us;
	for (unsigned i = 1; i < LOOP_KINDS; i++)
		if (loop->kind_us[i] > loop->kind_us[worst])
			worst = i;
	return worst;
}

static void loop_stalled(struct loop *loop, int64_t busy_us, int64_t asleep_us)
{
	struct loop_health *health = &loop->health;

	health->stalls++;
	health->last_us = busy_us;
	health->last_kind = loop_culprit(loop, asleep_us);
	health->blamed[health->last_kind]++;
}

static void loop_turned(struct loop *loop, int64_t busy_us, int64_t asleep_us)
{
	struct loop_health *health = &loop->health;

	(void)pthread_mutex_lock(&loop->health_lock);
	health->turns++;
	histogram_add(&health->turn_us, HISTOGRAM_FAST, busy_us);
	if (busy_us > STALL_US)
		loop_stalled(loop, busy_us, asleep_us);
	if (busy_us > health->worst_us)
		health->worst_us = busy_us;
	(void)pthread_mutex_unlock(&loop->health_lock);
}

/* A turn is what passed since the last wake-up, without the time asleep. */
static void loop_after_wait(uv_check_t *handle)
{
	struct loop *loop = handle->data;
	uint64_t now_ns = uv_hrtime();
	uint64_t idle_ns = uv_metrics_idle_time(&loop->uv);
	int64_t asleep_us = (int64_t)(idle_ns - loop->turn_idle_ns) / 1000;
	int64_t busy_us = (int64_t)(now_ns - loop->turn_ns) / 1000 - asleep_us;

	loop->turn_ns = now_ns;
	loop->turn_idle_ns = idle_ns;
	loop_work(loop, 0);
	loop_turned(loop, busy_us, asleep_us);
	memset(loop->kind_us, 0, sizeof(loop->kind_us));
}

static void loop_start_own(struct loop *loop)
{
	uv_prepare_init(&loop->uv, &loop->before_wait);
	uv_check_init(&loop->uv, &loop->after_wait);
	loop->before_wait.data = loop;
	loop->after_wait.data = loop;
	uv_prepare_start(&loop->before_wait, loop_before_wait);
	uv_check_start(&loop->after_wait, loop_after_wait);
}

enum err loop_new(struct loop **ret_loop)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (loop == NULL)
		return ERR_NOMEM;
	if (uv_loop_init(&loop->uv) != 0) {
		free(loop);
		return ERR_SYSTEM;
	}
	uv_loop_configure(&loop->uv, UV_METRICS_IDLE_TIME);
	(void)pthread_mutex_init(&loop->health_lock, NULL);
	loop_start_own(loop);
	*ret_loop = loop;
	return ERR_OK;
}

/* The last callbacks may have stopped the loop: that ends a run before it began. */
static void loop_settle(struct loop *loop)
{
	if (uv_run(&loop->uv, UV_RUN_NOWAIT) != 0)
		uv_run(&loop->uv, UV_RUN_NOWAIT);
}

void loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	uv_close((uv_handle_t *)&loop->before_wait, NULL);
	uv_close((uv_handle_t *)&loop->after_wait, NULL);
	loop_settle(loop);
	for (struct loop_idle *idle = loop->first; idle != NULL; idle = idle->next)
		idle->fn = NULL;
	loop_sweep(loop);
	/* What somebody still holds keeps its loop: a leak is better than a dangling handle. */
	if (uv_loop_close(&loop->uv) == 0) {
		(void)pthread_mutex_destroy(&loop->health_lock);
		free(loop);
	}
}

void loop_run(struct loop *loop)
{
	loop->running = true;
	loop->turn_ns = uv_hrtime();
	loop->turn_idle_ns = uv_metrics_idle_time(&loop->uv);
	loop->kind_since_us = coarse_us();
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	loop->running = false;
}

void loop_stop(struct loop *loop)
{
	uv_stop(&loop->uv);
}

int64_t loop_now_ms(const struct loop *loop)
{
	return (int64_t)uv_now(&loop->uv);
}

static void loop_timer_fire(uv_timer_t *handle)
{
	struct loop_timer *timer = (struct loop_timer *)handle;

	timer->fn(timer->owner);
}

enum err loop_timer_new(
	struct loop *loop, loop_timer_fn *fn, void *owner, struct loop_timer **ret_timer)
{
	struct loop_timer *timer = calloc(1, sizeof(*timer));

	if (timer == NULL)
		return ERR_NOMEM;
	uv_timer_init(&loop->uv, &timer->uv);
	timer->loop = loop;
	timer->fn = fn;
	timer->owner = owner;
	*ret_timer = timer;
	return ERR_OK;
}

void loop_timer_start(struct loop_timer *timer, int64_t after_ms)
{
	/* Outside a turn libuv's idea of now may be old. */
	if (!timer->loop->running)
		uv_update_time(&timer->loop->uv);
	uv_timer_start(&timer->uv, loop_timer_fire, after_ms > 0 ? (uint64_t)after_ms : 0, 0);
}

void loop_timer_stop(struct loop_timer *timer)
{
	uv_timer_stop(&timer->uv);
}

bool loop_timer_active(const struct loop_timer *timer)
{
	return uv_is_active((const uv_handle_t *)&timer->uv) != 0;
}

void loop_timer_free(struct loop_timer *timer)
{
	if (timer != NULL)
		uv_close((uv_handle_t *)&timer->uv, loop_closed);
}

static void loop_io_fire(uv_poll_t *handle, int status, int uv_events)
{
	struct loop_io *io = (struct loop_io *)handle;
	int want = io->want;
	int events = 0;

	if ((uv_events & UV_READABLE) != 0)
		events |= LOOP_READ;
	if ((uv_events & UV_WRITABLE) != 0)
		events |= LOOP_WRITE;
	if (status >= 0) {
		io->fn(io->owner, events);
		return;
	}
	/* On an error libuv stops watching; the owner decides whether that is the end. */
	io->want = WANT_UNKNOWN;
	io->fn(io->owner, LOOP_READ | LOOP_WRITE);
	if (io->want == WANT_UNKNOWN && !uv_is_closing((const uv_handle_t *)handle))
		loop_io_want(io, want);
}

enum err loop_io_new(
	struct loop *loop, int fd, loop_io_fn *fn, void *owner, struct loop_io **ret_io)
{
	struct loop_io *io = calloc(1, sizeof(*io));

	if (io == NULL)
		return ERR_NOMEM;
	if (uv_poll_init(&loop->uv, &io->uv, fd) != 0) {
		free(io);
		return ERR_SYSTEM;
	}
	io->fn = fn;
	io->owner = owner;
	*ret_io = io;
	return ERR_OK;
}

void loop_io_want(struct loop_io *io, int events)
{
	int uv_events = 0;

	/* Starting anew costs libuv two system calls. */
	if (events == io->want)
		return;
	io->want = events;
	if ((events & LOOP_READ) != 0)
		uv_events |= UV_READABLE;
	if ((events & LOOP_WRITE) != 0)
		uv_events |= UV_WRITABLE;
	if (uv_events != 0)
		uv_poll_start(&io->uv, uv_events, loop_io_fire);
	else
		uv_poll_stop(&io->uv);
}

void loop_io_free(struct loop_io *io)
{
	if (io != NULL)
		uv_close((uv_handle_t *)&io->uv, loop_closed);
}

static void loop_wake_fire(uv_async_t *handle)
{
	struct loop_wake *wake = (struct loop_wake *)handle;

	wake->fn(wake->owner);
}

enum err loop_wake_new(
	struct loop *loop, loop_wake_fn *fn, void *owner, struct loop_wake **ret_wake)
{
	struct loop_wake *wake = calloc(1, sizeof(*wake));

	if (wake == NULL)
		return ERR_NOMEM;
	if (uv_async_init(&loop->uv, &wake->uv, loop_wake_fire) != 0) {
		free(wake);
		return ERR_SYSTEM;
	}
	wake->fn = fn;
	wake->owner = owner;
	*ret_wake = wake;
	return ERR_OK;
}

void loop_wake_send(struct loop_wake *wake)
{
	uv_async_send(&wake->uv);
}

void loop_wake_free(struct loop_wake *wake)
{
	if (wake != NULL)
		uv_close((uv_handle_t *)&wake->uv, loop_closed);
}

enum err loop_after_io_new(
	struct loop *loop, loop_idle_fn *fn, void *owner, struct loop_idle **ret_idle)
{
	struct loop_idle *idle = calloc(1, sizeof(*idle));
	struct loop_idle **end = &loop->first;

	if (idle == NULL)
		return ERR_NOMEM;
	*idle = (struct loop_idle){.loop = loop, .fn = fn, .owner = owner};
	while (*end != NULL)
		end = &(*end)->next;
	*end = idle;
	*ret_idle = idle;
	return ERR_OK;
}

void loop_after_io_free(struct loop_idle *idle)
{
	/* The list may be in use right now: the next sweep takes it out. */
	if (idle != NULL)
		idle->fn = NULL;
}

static void loop_signal_fire(uv_signal_t *handle, int signo)
{
	struct loop_signal *signal = (struct loop_signal *)handle;

	signal->fn(signal->owner, signo);
}

enum err loop_signal_new(struct loop *loop, int signo, loop_signal_fn *fn, void *owner,
	struct loop_signal **ret_signal)
{
	struct loop_signal *signal = calloc(1, sizeof(*signal));

	if (signal == NULL)
		return ERR_NOMEM;
	if (uv_signal_init(&loop->uv, &signal->uv) != 0) {
		free(signal);
		return ERR_SYSTEM;
	}
	signal->fn = fn;
	signal->owner = owner;
	if (uv_signal_start(&signal->uv, loop_signal_fire, signo) != 0) {
		uv_close((uv_handle_t *)&signal->uv, loop_closed);
		return ERR_SYSTEM;
	}
	*ret_signal = signal;
	return ERR_OK;
}

void loop_signal_free(struct loop_signal *signal)
{
	if (signal != NULL)
		uv_close((uv_handle_t *)&signal->uv, loop_closed);
}

const struct loop_health *loop_health(const struct loop *loop)
{
	return &loop->health;
}

void loop_health_sum(const struct loop_health *one, struct loop_health *sum)
{
	sum->turns += one->turns;
	sum->stalls += one->stalls;
	histogram_sum(&one->turn_us, &sum->turn_us);
	for (unsigned i = 0; i < LOOP_KINDS; i++)
		sum->blamed[i] += one->blamed[i];
	if (one->worst_us > sum->worst_us)
		sum->worst_us = one->worst_us;
	if (one->stalls) {
		sum->last_kind = one->last_kind;
		sum->last_us = one->last_us;
	}
}

void loop_health_add(struct loop *loop, struct loop_health *sum)
{
	(void)pthread_mutex_lock(&loop->health_lock);
	loop_health_sum(&loop->health, sum);
	(void)pthread_mutex_unlock(&loop->health_lock);
}
