#include "loops.h"

#include "ground/log.h"
#include "producer.h"

#include <stdlib.h>

enum { TELL_MS = 1000 };

_Static_assert((int)WORKS <= (int)LOOP_KINDS, "raise LOOP_KINDS");

/* Own loop first, then each kind of lane. */
enum { OWN, SOURCES = 1 + RECORD_LANES };

struct loops {
	struct producer *producer;
	struct loop_timer *timer;
	uint64_t told[SOURCES]; /* stalls, logged */
};

static const char *const works[] = {
#define WORK_TEXT(name) #name,
	WORK_TABLE(WORK_TEXT)
#undef WORK_TEXT
};

static const char *const lanes[RECORD_LANES] = {[RECORD_WRITES] = "writes",
	[RECORD_READS] = "reads",
	[RECORD_SLOW] = "slow",
	[RECORD_SECURITY] = "security",
	[RECORD_LARGE] = "large"};

static void source_add(const struct producer *p, int source, struct loop_health *sum)
{
	if (source == OWN)
		loop_health_add(p->loop, sum);
	else
		record_loops_add(p->record, (enum record_lane)(source - 1), sum);
}

/* ---- the log ---- */

static void stalls_tell(struct loops *l, int source)
{
	struct loop_health health = {0};

	source_add(l->producer, source, &health);
	if (health.stalls != l->told[source])
		log_warn("a loop stood still",
			LOG_TEXT("step",
				source == OWN ? works[health.last_kind] : lanes[source - 1]),
			LOG_INT("ms", health.last_us / 1000),
			LOG_INT("stalls", (int64_t)(health.stalls - l->told[source])));
	l->told[source] = health.stalls;
}

static void tell(void *owner)
{
	struct loops *l = owner;

	for (int source = 0; source < SOURCES; source++)
		stalls_tell(l, source);
	loop_timer_start(l->timer, TELL_MS);
}

/* ---- metrics ---- */

void loops_put(struct metric_text *text, const struct producer *p)
{
	struct loop_health of[SOURCES] = {0}, all = {0};

	for (int source = 0; source < SOURCES; source++) {
		source_add(p, source, &of[source]);
		loop_health_sum(&of[source], &all);
	}
	metric_histogram(text, METRIC_LOOP_TURN, NULL, &all.turn_us);
	for (unsigned i = 0; i < WORKS; i++)
		metric_real(text, METRIC_LOOP_STALLS, METRIC_LABELS(works[i]),
			(double)of[OWN].blamed[i]);
	for (int i = 0; i < RECORD_LANES; i++)
		metric_real(text, METRIC_LOOP_STALLS, METRIC_LABELS(lanes[i]),
			(double)of[1 + i].stalls);
}

/* ---- the whole ---- */

enum err loops_new(struct producer *producer, struct loops **ret_loops)
{
	struct loops *l = calloc(1, sizeof *l);
	enum err e;

	if (!l)
		return ERR_NOMEM;
	l->producer = producer;
	e = loop_timer_new(producer->loop, tell, l, &l->timer);
	if (e) {
		free(l);
		return e;
	}
	loop_timer_start(l->timer, TELL_MS);
	*ret_loops = l;
	return ERR_OK;
}

void loops_free(struct loops *l)
{
	if (!l)
		return;
	loop_timer_free(l->timer);
	free(l);
}
