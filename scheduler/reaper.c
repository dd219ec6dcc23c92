#include "reaper.h"

#include "ground/clock.h"
#include "ground/log.h"
#include "liveness.h"

#include <stdlib.h>

/* Judged in one turn, the longest silent first: whoever is dead beyond them is among them in the
 * next one, as those before it are gone by then. */
enum { WORKERS_MAX = 1024 };

struct reaper {
	struct liveness_memory memory;
	struct reap_worker workers[WORKERS_MAX];
	struct id by_lock[WORKERS_MAX];
	struct id by_lease[WORKERS_MAX];
};

enum err reaper_new(struct reaper **ret_reaper)
{
	struct reaper *reaper = calloc(1, sizeof *reaper);

	if (!reaper)
		return ERR_NOMEM;
	*ret_reaper = reaper;
	return ERR_OK;
}

void reaper_free(struct reaper *reaper)
{
	free(reaper);
}

struct look_ask {
	struct ask ask;
	struct reaper *reaper;
};

static void on_look(void *ctx, enum err e, const struct reap_worker *workers, size_t n)
{
	struct look_ask *look = ctx;

	look->ask.err = e;
	look->ask.n = n < WORKERS_MAX ? n : WORKERS_MAX;
	for (size_t i = 0; e == ERR_OK && i < look->ask.n; i++)
		look->reaper->workers[i] = workers[i];
}

struct reaped {
	struct ask ask;
	struct reap_report report;
};

static void on_reaped(void *ctx, enum err e, const struct reap_report *report)
{
	struct reaped *reap = ctx;

	reap->ask.err = e;
	if (e == ERR_OK)
		reap->report = *report;
}

static void note_report(struct leader *leader, const char *witness, const struct reap_report *r)
{
	if (r->returned)
		leader_hurry(leader);
	leader->tally.reaped += r->workers;
	leader->tally.returned += r->returned;
	leader->tally.quarantined += r->quarantined;
	if (r->workers || r->quarantined)
		log_warn("workers are gone", LOG_TEXT("witness", witness),
			LOG_INT("workers", (int64_t)r->workers),
			LOG_INT("jobs_returned", (int64_t)r->returned),
			LOG_INT("jobs_quarantined", (int64_t)r->quarantined));
}

static enum err reap(struct leader *leader, const struct id *workers, size_t n, bool by_lock)
{
	struct reaped ask = {0};
	enum err err;

	err = leader_wait(leader,
		reap_workers(leader->db, leader->term, &(struct reap_gone){workers, n, by_lock},
			on_reaped, &ask),
		&ask.ask);
	if (err == ERR_OK)
		note_report(leader, by_lock ? "lock" : "lease", &ask.report);
	return err;
}

enum err reaper_run(struct leader *leader, bool *ret_busy)
{
	struct reaper *reaper = leader->reaper;
	struct look_ask look = {.reaper = reaper};
	struct liveness dead = {.by_lock = reaper->by_lock, .by_lease = reaper->by_lease};
	int64_t now_ms;
	enum err err = leader_wait(leader, reap_look(leader->db, on_look, &look), &look.ask);

	if (err != ERR_OK)
		return err;
	now_ms = clock_ms();
	liveness_judge(&reaper->memory, reaper->workers, look.ask.n, now_ms,
		now_ms - leader->session_ms, &dead);
	if (dead.by_lock_n > 0)
		err = reap(leader, dead.by_lock, dead.by_lock_n, true);
	if (err == ERR_OK && dead.by_lease_n > 0)
		err = reap(leader, dead.by_lease, dead.by_lease_n, false);
	return err;
}

enum err reaper_notes(struct leader *leader, bool *ret_busy)
{
	struct reaped ask = {0};
	enum err err = leader_wait(
		leader, reap_notes(leader->db, leader->term, on_reaped, &ask), &ask.ask);

	if (err != ERR_OK)
		return err;
	note_report(leader, "note", &ask.report);
	return reap(leader, NULL, 0, false);
}
