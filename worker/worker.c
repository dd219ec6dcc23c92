#include "worker.h"

#include "beat.h"
#include "call.h"
#include "claim.h"
#include "config/start.h"
#include "connect/keys.h"
#include "connect/postgres.h"
#include "connect/reach.h"
#include "counts.h"
#include "delivery/sender.h"
#include "domain/verdict.h"
#include "finisher.h"
#include "ground/clock.h"
#include "ground/files.h"
#include "ground/log.h"
#include "holding.h"
#include "intake.h"
#include "key_watch.h"
#include "late_usage.h"
#include "live.h"
#include "metrics.h"
#include "ports/exporter.h"
#include "recall.h"
#include "token_limits.h"
#include "upstreams/permit.h"
#include "upstreams/upstream.h"
#include "work.h"
#include "writer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Slots may grow by a reload; what bounds calls is the slots and webhook.max_in_flight. */
enum { HTTP_CALLS_MAX = 200000 };
enum { SWEEP_MS = 100, FILES_EXTRA = 256, RELEASED_MAX = 256 << 20, PLACE_MAX = 4200 };

struct db *worker_db_claim(const struct worker *w)
{
	return w->db[0];
}

struct db *worker_db_finish(const struct worker *w)
{
	return w->db[w->db_n - 1];
}

size_t worker_free_slots(const struct worker *w)
{
	const size_t taken = w->jobs.n + claim_reserved(w->claim);
	const size_t slots = (size_t)w->config->worker.slots;
	size_t free_slots, room;

	if (w->mode != WORKER_RUNNING || !beat_is_fresh(w->beat) || taken >= slots ||
		!keyring_active(w->keyring))
		return 0;
	free_slots = slots - taken;
	room = memory_jobs_room(w);
	return room < free_slots ? room : free_slots;
}

void worker_slot_freed(struct worker *w)
{
	claim_wake(w->claim);
}

void worker_admit_waiting(struct worker *w)
{
	w->admit = true;
}

/* ---- one turn's end ---- */

static void admit_waiting(struct worker *w)
{
	struct ring waiting;

	w->admit = false;
	permits_again(w->permits);
	ring_init(&waiting);
	ring_join_all(&waiting, &w->admitting);
	while (!ring_empty(&waiting)) {
		struct job *job = RING_OF(waiting.next, struct job, waiting);

		ring_leave(&job->waiting);
		job_resume(job);
	}
}

static void leave_when_empty(struct worker *w)
{
	if (w->mode == WORKER_RUNNING || w->mode == WORKER_GONE || w->leaving || w->jobs.n ||
		!claim_is_idle(w->claim))
		return;
	if (w->mode == WORKER_DRAINING &&
		(!sender_idle(w->sender) || late_usage_waiting(w->late_usage)))
		return;
	w->leaving = true;
	beat_leave(w->beat);
}

static void on_after_io(void *owner)
{
	struct worker *w = owner;

	if (w->admit && w->beat)
		admit_waiting(w);
	loop_work(w->loop, WORK_admit);
	permits_flush(w->permits);
	loop_work(w->loop, WORK_writer);
	writer_flush(w->writer);
	loop_work(w->loop, WORK_live);
	live_flush(w->live);
	loop_work(w->loop, WORK_finisher);
	finisher_flush(w->finisher);
	late_usage_flush(w->late_usage);
	loop_work(w->loop, WORK_claim);
	claim_flush(w->claim);
	leave_when_empty(w);
}

/* Under a new name: leases of the old one, which beats no more, are the reaper's to return. */
static void begin_anew(struct worker *w)
{
	holding_drop_all(w);
	w->incarnation = id_new(0);
	crash_note_incarnation(&w->note, w->incarnation);
	beat_restart(w->beat);
}

/* ---- time ---- */

static void sweep_job(struct worker *w, struct job *job, int64_t now)
{
	if (job->ending != ENDING_NOT_ASKED || job->step == STEP_finish)
		return;
	if (now >= job->deadline_ms)
		job_end(job, ERR_DEADLINE);
	else if (now >= job->timeout_ms)
		job_end(job, ERR_ATTEMPT_TIMEOUT);
	else if (w->mode == WORKER_LEAVING)
		job_end(job, ERR_INTERRUPTED);
	else if (!job->first_us)
		permit_look_late(w->permits, &job->permit);
}

/* Ending a job may end others' waits, but only at the turn's end, so the next one stays. */
static void sweep_jobs(struct worker *w, int64_t now)
{
	struct ring *next;

	for (struct ring *at = w->jobs.held.next; at != &w->jobs.held; at = next) {
		struct job *job = RING_OF(at, struct job, held);

		next = at->next;
		sweep_job(w, job, now);
	}
}

/* One line a sweep at most, with the last of them. */
static void stalls_tell(struct worker *w)
{
	const struct loop_health *health = loop_health(w->loop);

	if (health->stalls != w->stalls_told)
		log_warn("the loop stood still", LOG_TEXT("step", work_text(health->last_kind)),
			LOG_INT("ms", health->last_us / 1000),
			LOG_INT("stalls", (int64_t)(health->stalls - w->stalls_told)));
	w->stalls_told = health->stalls;
}

static void on_sweep(void *owner)
{
	struct worker *w = owner;
	const int64_t now = loop_now_ms(w->loop);

	if (w->mode == WORKER_DRAINING && now >= w->drain_until_ms)
		w->mode = WORKER_LEAVING;
	if (beat_silent_ms(w->beat) > w->config->worker.db_outage_s * 1000 && w->jobs.n) {
		log_error("the record was away for too long: dropping what is held",
			LOG_INT("jobs", (int64_t)w->jobs.n));
		begin_anew(w);
	}
	sweep_jobs(w, now);
	recall_turn(w->recall);
	finisher_tell(w->finisher);
	stalls_tell(w);
	(void)heap_tide_tell(&w->tide, worker_memory_held(w), now);
	loop_timer_start(w->sweep, SWEEP_MS);
}

/* ---- modes ---- */

void worker_begin_drain(struct worker *w, const char *why)
{
	if (w->mode != WORKER_RUNNING)
		return;
	log_info("draining", LOG_TEXT("why", why), LOG_INT("jobs", (int64_t)w->jobs.n),
		LOG_INT("drain_s", w->config->worker.drain_s));
	w->mode = WORKER_DRAINING;
	sender_stop(w->sender);
	w->drain_until_ms = loop_now_ms(w->loop) + w->config->worker.drain_s * 1000;
	worker_admit_waiting(w);
	beat_now(w->beat);
}

void worker_reborn(struct worker *w)
{
	log_error("declared dead: dropping what is held and starting anew",
		LOG_ID("worker", "wrk", w->incarnation), LOG_INT("jobs", (int64_t)w->jobs.n));
	holding_book_all(w);
	begin_anew(w);
}

static void on_unreachable(void *owner, const struct reach_fault *fault)
{
	const struct worker *w = owner;
	char place[PLACE_MAX];

	snprintf(place, sizeof(place), "%s:%u:%u", w->config_path, fault->place.line,
		fault->place.column);
	log_warn("an upstream cannot be reached", LOG_TEXT("at", place),
		LOG_TEXT("upstream", fault->upstream), LOG_TEXT("why", fault->why),
		LOG_ERR(fault->err));
}

static void reload(struct worker *w)
{
	if (!start_reload("worker", w->config_path, &w->config))
		return;
	if (upstreams_reload(w->upstreams, w->config, w->config_path) != ERR_OK)
		log_error("upstreams stay as they were: their keys cannot be read");
	(void)reach_ask(w->reach, w->config);
}

static void on_signal(void *owner, int signo)
{
	struct worker *w = owner;

	if (signo == SIGHUP) {
		reload(w);
	} else if (w->mode == WORKER_RUNNING) {
		worker_begin_drain(w, "signal");
	} else {
		w->mode = WORKER_LEAVING; /* a second one does not wait for what runs */
	}
}

/* ---- opening, in the order of need ---- */

/* Every stream is a descriptor. */
static void files_check(const struct config *c)
{
	const size_t need = (size_t)c->worker.slots + FILES_EXTRA;
	const size_t allowed = files_raise(need);

	if (allowed < need)
		log_warn("too few files may be open for worker.slots calls: raise `ulimit -n`",
			LOG_INT("allowed", (int64_t)allowed), LOG_INT("need", (int64_t)need));
}

static void on_db_change(void *owner, bool up)
{
	struct worker *w = owner;

	if (w->claim)
		claim_wake(w->claim);
	if (!up)
		log_warn("a connection to the record is down");
}

static enum err dbs_open(struct worker *w)
{
	const struct config *c = w->config;
	struct db_options options = postgres_options(c, "longhaul_worker", "longhaul-worker");

	options.on_change = on_db_change;
	options.owner = w;
	while (w->db_n < (size_t)c->worker.db_connections) {
		enum err e = db_open(w->loop, &options, &w->db[w->db_n]);

		if (e)
			return e;
		w->db_n++;
	}
	return ERR_OK;
}

static enum err sender_open(struct worker *w)
{
	const struct sender_host host = {
		.loop = w->loop,
		.http = w->http,
		.db = worker_db_finish(w),
		.keyring = w->keyring,
		.worker = &w->incarnation,
		.config = &w->config,
	};

	return sender_new(&host, &w->sender);
}

static void on_permits(void *owner)
{
	worker_admit_waiting(owner);
}

static enum err permits_open(struct worker *w)
{
	const struct permits_options options = {
		.loop = w->loop,
		.config = &w->config,
		.worker = &w->incarnation,
		.wake = on_permits,
		.owner = w,
		.limit_of = token_limits_find,
		.limits = w->token_limits,
	};

	return permits_new(&options, &w->permits);
}

static enum err parts_open(struct worker *w)
{
	enum err e = keys_open(w->config, &w->keyring);

	if (!e)
		e = upstreams_new(w->config, w->config_path, &w->upstreams);
	if (!e)
		e = counts_new(&w->counts);
	if (!e)
		e = token_limits_new(w, &w->token_limits);
	if (!e)
		e = permits_open(w);
	if (!e)
		e = dbs_open(w);
	if (!e)
		e = http_new(w->loop, HTTP_CALLS_MAX, &w->http);
	if (!e)
		e = reach_new(w->http, on_unreachable, NULL, w, &w->reach);
	if (!e)
		e = writer_new(w, &w->writer);
	if (!e)
		e = live_new(w, &w->live);
	if (!e)
		e = finisher_new(w, &w->finisher);
	if (!e)
		e = late_usage_new(w->loop, worker_db_finish(w), &w->late_usage);
	if (!e)
		e = claim_new(w, &w->claim);
	if (!e)
		e = recall_new(w, &w->recall);
	if (!e)
		e = sender_open(w);
	if (!e)
		e = key_watch_new(w, &w->key_watch);
	return e ? e : beat_new(w, &w->beat);
}

static enum err loop_parts_open(struct worker *w)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
	enum err e = loop_timer_new(w->loop, on_sweep, w, &w->sweep);

	if (!e)
		e = loop_after_io_new(w->loop, on_after_io, w, &w->after_io);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]) && !e; i++)
		e = loop_signal_new(w->loop, signals[i], on_signal, w, &w->signals[i]);
	if (!e)
		loop_timer_start(w->sweep, SWEEP_MS);
	return e ? e : metrics_open(w);
}

static enum err note_open(struct worker *w)
{
	const char *dir = w->config->worker.state_dir;
	const enum err e = crash_note_open(&w->note, dir);

	if (e) {
		log_error("worker.state_dir cannot be used", LOG_TEXT("path", dir), LOG_ERR(e),
			LOG_TEXT("why", strerror(errno)));
		return e;
	}
	w->incarnation = id_new(0);
	crash_note_incarnation(&w->note, w->incarnation);
	return ERR_OK;
}

static enum err worker_open(struct worker *w)
{
	enum err e = job_table_init(&w->jobs);

	if (!e)
		e = released_new(RELEASED_MAX, &w->released);
	if (!e)
		e = note_open(w);
	if (!e)
		e = loop_new(&w->loop);
	if (e)
		return e;
	files_check(w->config);
	e = parts_open(w);
	return e ? e : loop_parts_open(w);
}

enum err worker_new(struct config *config, const char *config_path, struct worker **ret_worker)
{
	struct worker *w = calloc(1, sizeof(*w));
	enum err e;

	if (!w) {
		config_release(config);
		return ERR_NOMEM;
	}
	w->config = config;
	w->config_path = config_path;
	ring_init(&w->admitting);
	ring_init(&w->calling);
	ring_init(&w->intakes);
	e = worker_open(w);
	if (e) {
		log_error("cannot start", LOG_ERR(e));
		worker_free(w);
		return e;
	}
	*ret_worker = w;
	return ERR_OK;
}

int worker_run(struct worker *w)
{
	(void)reach_ask(w->reach, w->config);
	loop_run(w->loop);
	return w->drained ? WORKER_EXIT_DRAINED : 0;
}

static void loop_parts_free(struct worker *w)
{
	exporter_close(w->exporter);
	loop_timer_free(w->sweep);
	loop_after_io_free(w->after_io);
	for (size_t i = 0; i < sizeof(w->signals) / sizeof(w->signals[0]); i++)
		loop_signal_free(w->signals[i]);
}

void worker_free(struct worker *w)
{
	if (!w)
		return;
	if (w->loop)
		loop_parts_free(w);
	if (w->jobs.buckets && w->claim)
		holding_drop_all(w);
	sender_drop(w->sender);
	reach_free(w->reach);
	http_free(w->http);
	beat_free(w->beat);
	for (size_t i = 0; i < w->db_n; i++)
		db_close(w->db[i]);
	intake_drop_all(w);
	key_watch_free(w->key_watch);
	sender_free(w->sender);
	finisher_free(w->finisher);
	late_usage_free(w->late_usage);
	claim_free(w->claim); /* jobs that the finisher lets go give it their slots */
	live_free(w->live);
	writer_free(w->writer);
	recall_free(w->recall);
	permits_free(w->permits);
	token_limits_free(w->token_limits);
	upstreams_free(w->upstreams);
	counts_free(w->counts);
	keyring_free(w->keyring);
	job_table_clear(&w->jobs);
	released_free(w->released);
	crash_note_close(&w->note);
	loop_free(w->loop);
	config_release(w->config);
	free(w);
}
