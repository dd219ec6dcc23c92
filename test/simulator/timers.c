#include "simulator/timers.h"

#include <stdlib.h>
#include <string.h>

enum { TIMERS_FIRST = 256 };

void timers_init(struct timers *t)
{
	memset(t, 0, sizeof(*t));
}

void timers_clear(struct timers *t)
{
	free(t->heap);
	timers_init(t);
}

static void place(struct timers *t, size_t at, struct timer *timer)
{
	t->heap[at] = timer;
	timer->place = at;
}

static void rise(struct timers *t, size_t at)
{
	struct timer *timer = t->heap[at];

	for (; at > 1 && t->heap[at / 2]->due_us > timer->due_us; at /= 2)
		place(t, at, t->heap[at / 2]);
	place(t, at, timer);
}

static void sink(struct timers *t, size_t at)
{
	struct timer *timer = t->heap[at];

	for (size_t child; (child = at * 2) <= t->n; at = child) {
		if (child < t->n && t->heap[child + 1]->due_us < t->heap[child]->due_us)
			child++;
		if (t->heap[child]->due_us >= timer->due_us)
			break;
		place(t, at, t->heap[child]);
	}
	place(t, at, timer);
}

static enum err grow(struct timers *t)
{
	size_t room = t->room ? t->room * 2 : TIMERS_FIRST;
	struct timer **heap = realloc(t->heap, room * sizeof(void *));

	if (!heap)
		return ERR_NOMEM;
	t->heap = heap;
	t->room = room;
	return ERR_OK;
}

enum err timers_set(struct timers *t, struct timer *timer, int64_t due_us)
{
	timers_unset(t, timer);
	if (t->n + 2 > t->room && grow(t) != ERR_OK)
		return ERR_NOMEM;
	timer->due_us = due_us;
	place(t, ++t->n, timer);
	rise(t, t->n);
	return ERR_OK;
}

void timers_unset(struct timers *t, struct timer *timer)
{
	size_t at = timer->place;

	if (at == 0)
		return;
	struct timer *last = t->heap[t->n--];
	timer->place = 0;
	if (last == timer)
		return;
	place(t, at, last);
	rise(t, at);
	sink(t, last->place);
}

struct timer *timers_pop(struct timers *t, int64_t now_us)
{
	struct timer *first = t->n > 0 ? t->heap[1] : NULL;

	if (!first || first->due_us > now_us)
		return NULL;
	timers_unset(t, first);
	return first;
}

int timers_wait_ms(const struct timers *t, int64_t now_us)
{
	if (t->n == 0)
		return -1;
	int64_t us = t->heap[1]->due_us - now_us;
	return us <= 0 ? 0 : us > 3600000000 ? 3600000 : (int)((us + 999) / 1000);
}
