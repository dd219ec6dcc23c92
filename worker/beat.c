#include "beat.h"

#include "claim.h"
#include "connect/history.h"
#include "connect/postgres.h"
#include "counts.h"
#include "ground/clock.h"
#include "ground/log.h"
#include "ground/version.h"
#include "holding.h"
#include "stores/epoch.h"
#include "stores/worker_row.h"
#include "under_way.h"
#include "upstreams/permit_view.h"
#include "worker.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A lost line must be back within REAP_SILENT_MS, so it is tried often. */
enum { HOST_ROOM = 256, RETRY_MS = 200, RETRY_MOST_MS = 100, QUEUED_MAX = 8 };

struct beat {
	struct worker *worker;
	struct db *db;
	struct loop_timer *timer;
	bool registered, note_told;
	bool asked;	  /* a statement is under way */
	bool again;	  /* beat once more when it is answered */
	bool silent;	  /* beats went missing: what is held must be checked */
	int64_t sent_ms;  /* of the beat under way */
	int64_t acked_ms; /* when the last acknowledged one was sent */
	bool pinned;	  /* the record's epoch, which is this: */
	struct db_origin origin;
	int64_t fence_base;
};

static void beat_send(struct beat *b);
static void beat_register(struct beat *b);

bool beat_is_registered(const struct beat *b)
{
	return b->registered;
}

bool beat_is_fresh(const struct beat *b)
{
	return b->registered && clock_ms() - b->acked_ms < b->worker->config->worker.lease_ms / 2;
}

int64_t beat_silent_ms(const struct beat *b)
{
	return b->acked_ms ? clock_ms() - b->acked_ms : 0;
}

/* ---- beats ---- */

static void notices_apply(struct worker *w, const struct worker_reply *reply)
{
	for (size_t i = 0; i < reply->notices_n; i++) {
		struct job *job = job_table_find(&w->jobs, reply->notices[i].job);

		if (job && job->fence <= reply->notices[i].fence)
			holding_lost(job);
	}
}

static void reply_apply(struct beat *b, const struct worker_reply *reply)
{
	struct worker *w = b->worker;

	if (w->leaving)
		return;
	if (reply->dead) {
		worker_reborn(w);
		return;
	}
	notices_apply(w, reply);
	w->drained |= reply->drain;
	if (reply->drain)
		worker_begin_drain(w, "an operator asked for it");
}

static void on_beat(void *ctx, enum err e, const struct worker_reply *reply)
{
	struct beat *b = ctx;
	const bool was_fresh = beat_is_fresh(b);

	b->asked = false;
	if (e) {
		b->silent = true;
		under_way_doubt(b->worker);
	} else {
		b->acked_ms = b->sent_ms;
		pools_told(&b->worker->jobs.pools);
		if (!was_fresh)
			claim_wake(b->worker->claim); /* it may have looked while we had no say */
		reply_apply(b, reply);
		if (b->silent && b->registered)
			holding_check(b->worker);
		b->silent = false;
		worker_admit_waiting(b->worker);
	}
	if (b->again) {
		b->again = false;
		beat_send(b);
	}
}

static struct worker_pulse pulse_of(const struct worker *w)
{
	return (struct worker_pulse){
		.slots_free = (int32_t)worker_free_slots(w),
		.draining = w->mode != WORKER_RUNNING,
		.calls = (int32_t)permits_in_flight(w->permits, NULL),
		.ended = (int64_t)w->counts->ended,
		.memory_bytes = (int64_t)worker_memory_held(w),
		.memory_target_bytes = (int64_t)worker_memory_target(w),
	};
}

static void beat_send(struct beat *b)
{
	struct worker *w = b->worker;
	struct worker_begun begun[POOLS_MAX];
	struct worker_told told[WORKER_TOLD_MAX];
	struct worker_pulse pulse;

	if (!b->registered || b->asked || w->leaving)
		return;
	pulse = pulse_of(w);
	pulse.begun = begun;
	pulse.begun_n = pools_tell(&w->jobs.pools, begun, POOLS_MAX);
	pulse.told = told;
	pulse.told_n = under_way_tell(w, told, WORKER_TOLD_MAX);
	b->sent_ms = clock_ms();
	b->asked = worker_beat(b->db, w->incarnation, &pulse, on_beat, b) == ERR_OK;
	if (!b->asked)
		under_way_doubt(w);
}

void beat_now(struct beat *b)
{
	if (b->asked)
		b->again = true;
	else
		beat_send(b);
}

static void on_timer(void *owner)
{
	struct beat *b = owner;

	loop_timer_start(b->timer, b->worker->config->worker.beat_ms);
	if (!b->registered)
		beat_register(b);
	else
		beat_send(b);
	if (b->acked_ms && !beat_is_fresh(b))
		b->silent = true;
}

/* ---- registering ---- */

static void on_start(void *ctx, enum err e, int64_t lock_key)
{
	struct beat *b = ctx;
	struct worker *w = b->worker;

	b->asked = false;
	if (e == ERR_LOST) {
		worker_reborn(w);
		return;
	}
	if (e) {
		log_warn("cannot register", LOG_ERR(e), LOG_TEXT("why", db_fault(b->db)));
		return;
	}
	b->note_told = true;
	b->registered = true;
	log_info("registered", LOG_ID("worker", "wrk", w->incarnation),
		LOG_INT("slots", w->config->worker.slots));
	beat_send(b);
	claim_wake(w->claim);
}

static size_t notes_found(const struct beat *b, struct worker_crash *note)
{
	const struct crash_note_page *found = &b->worker->note.found;

	if (b->note_told || !found->busy)
		return 0;
	*note = (struct worker_crash){found->worker, found->tenant, found->job, found->fence};
	log_warn("the incarnation before died in a job's step",
		LOG_ID("worker", "wrk", found->worker), LOG_ID("job", "job", found->job));
	return 1;
}

static void start_send(struct beat *b)
{
	struct worker *w = b->worker;
	char host[HOST_ROOM] = "";
	struct worker_crash note;
	const size_t notes_n = notes_found(b, &note);
	struct worker_start start = {
		.id = w->incarnation,
		.host = host,
		.version = LONGHAUL_VERSION,
		.pid = (int32_t)getpid(),
		.slots = (int32_t)w->config->worker.slots,
		.lease_ms = w->config->worker.lease_ms,
	};

	gethostname(host, sizeof(host) - 1);
	b->asked = worker_start(b->db, &start, &note, notes_n, on_start, b) == ERR_OK;
}

bool beat_vouches(const struct beat *b, const struct db *db)
{
	struct db_origin now;

	db_origin_read(db, &now);
	return b->pinned && db_origin_equal(&b->origin, &now);
}

/* Another history of the record (a promotion, a restore): what we hold means nothing there. A
 * history that was given up may have had the same timeline: fences tell them apart. */
static bool history_changed(struct beat *b, int64_t fence_base)
{
	const bool other = b->pinned && b->fence_base != fence_base;

	b->fence_base = fence_base;
	b->pinned = true;
	return db_origin_moved(b->db, &b->origin) || other;
}

static void on_epoch(void *ctx, enum err e, const struct epoch *epoch)
{
	struct beat *b = ctx;

	b->asked = false;
	if (e) {
		log_warn("cannot pin the record's epoch", LOG_ERR(e),
			LOG_TEXT("why", db_fault(b->db)));
		return;
	}
	if (epoch->fresh && epoch->fence_base)
		history_tell(epoch->timeline, epoch->history_ends_ms, epoch->held,
			!b->worker->config->database.rerun_after_failover);
	if (history_changed(b, epoch->fence_base)) {
		log_error("the record is another one now: dropping what is held",
			LOG_INT("jobs", (int64_t)b->worker->jobs.n));
		worker_reborn(b->worker);
		return;
	}
	start_send(b);
}

static void beat_register(struct beat *b)
{
	if (!b->asked && db_is_up(b->db) && b->worker->mode != WORKER_GONE)
		b->asked = epoch_pin(b->db, b->worker->config->database.rerun_after_failover,
				   on_epoch, b) == ERR_OK;
}

static void on_change(void *owner, bool up)
{
	struct beat *b = owner;

	b->registered = false; /* the lock went with the connection */
	b->asked = false;
	b->silent = true;
	if (up)
		beat_register(b);
	else
		log_warn("the beat's connection is down", LOG_TEXT("why", db_fault(b->db)));
}

void beat_restart(struct beat *b)
{
	b->registered = false;
	b->silent = false;
	beat_register(b);
}

/* ---- the end ---- */

static void on_left(void *ctx, enum err e, const struct db_reply *reply)
{
	struct beat *b = ctx;

	b->asked = false;
	b->registered = false;
	if (e)
		log_warn("could not sign off", LOG_ERR(e));
	b->worker->mode = WORKER_GONE;
	loop_stop(b->worker->loop);
}

void beat_leave(struct beat *b)
{
	if (!b->registered || worker_leave(b->db, b->worker->incarnation, on_left, b) != ERR_OK)
		on_left(b, ERR_DB, NULL);
}

enum err beat_new(struct worker *w, struct beat **ret_beat)
{
	const struct config *c = w->config;
	struct beat *b = calloc(1, sizeof(*b));
	struct db_options options = postgres_options(c, "longhaul_worker", "longhaul-worker beat");
	enum err e;

	if (!b)
		return ERR_NOMEM;
	b->worker = w;
	options.retry_most_ms = RETRY_MOST_MS;
	options.statement_ms = options.transaction_ms = c->worker.lease_ms;
	options.queued_max = QUEUED_MAX;
	options.on_change = on_change;
	options.owner = b;
	e = loop_timer_new(w->loop, on_timer, b, &b->timer);
	if (!e)
		e = db_open(w->loop, &options, &b->db);
	if (e) {
		beat_free(b);
		return e;
	}
	loop_timer_start(b->timer, c->worker.beat_ms);
	*ret_beat = b;
	return ERR_OK;
}

void beat_free(struct beat *b)
{
	if (!b)
		return;
	db_close(b->db);
	loop_timer_free(b->timer);
	free(b);
}
