/* The rescuer races completion, and cancel, deadline and other claims race both (LONGHAUL_TEST_PG).
 *
 * A round is a few jobs and some moves drawn from a seed: claims, ends by holders
 * that may have lost their lease long ago, frozen and reborn workers, the reaper,
 * cancels, passed deadlines. Half of the moves come in groups whose transactions
 * overlap. ROUNDS says how many, SEED which; a failure prints both. */
#include "unit/core/stores/race_actors.h"
#include "unit/core/stores/race_gate.h"
#include "unit/core/stores/race_judge.h"

enum { ROUNDS_SHORT = 2000, MOVES = 16, GROUP_MAX = 3, SETTLE_TURNS = 12 };

/* ---- moves: each begins on a connection of its actor and tells the story when it ends ---- */

struct move {
	struct race *race;
	struct race_worker *worker;
	struct race_job *jobs; /* of the round */
	struct finish ends[RACE_HELD];
	struct finish *batch[RACE_HELD];
	struct race_held held[RACE_HELD];
};

static void on_claims(void *ctx, enum err e, const struct claim *claims, size_t n)
{
	struct move *m = ctx;
	struct race *r = m->race;

	assert_int_equal(e, ERR_OK);
	for (size_t i = 0; i < n; i++) {
		struct race_job *job = race_job_of(r, claims[i].job);
		const int64_t at = claims[i].fence - r->base;

		race_must(r, job && at > 0 && at < RACE_FENCES, "a claim of nobody's job");
		if (!job) /* said for the analyser: a test ends there */
			return;
		race_must(r, !job->given[at], "one fence was given twice");
		job->given[at] = true;
		job->claims++;
		r->claims++;
		race_say(r, " [got %lld of %zu]", (long long)at, (size_t)(job - r->jobs));
		if (m->worker->held_n < RACE_HELD)
			m->worker->held[m->worker->held_n++] =
				(struct race_held){m->worker->id, claims[i], job};
	}
}

static struct db *move_claim(struct move *m)
{
	struct job_key keys[RACE_JOBS];

	for (size_t i = 0; i < RACE_JOBS; i++)
		keys[i] = (struct job_key){m->race->tenant, m->jobs[i].id};
	assert_int_equal(
		lease_claim_keys(m->worker->db, m->worker->id, keys, RACE_JOBS, on_claims, m),
		ERR_OK);
	return m->worker->db;
}

static void end_judge(struct move *m, const struct finish *f, const struct race_held *held)
{
	struct race *r = m->race;
	const int64_t at = f->fence - r->base;

	if (f->outcome == ERR_LOST || f->outcome == ERR_UNAVAILABLE) {
		r->refused += f->outcome == ERR_LOST;
		return; /* or another crossed it, and it may try again */
	}
	race_must(r, f->outcome == ERR_OK, "an end of unknown outcome");
	race_must(r, held->job != NULL, "an end of nobody's job");
	if (!held->job)
		return;
	if (held->job->ended[at]) { /* who ended it and asks again is told what he did */
		race_must(r, held->job->as[at] == f->state, "one attempt ended twice");
		return;
	}
	held->job->ended[at] = true;
	held->job->as[at] = f->state;
	held->job->finals += job_state_terminal(f->state);
	race_must(r, job_state_may(JOB_RUNNING, f->state), "an edge that the table has not");
	race_say(r, " [ended %lld as %s]", (long long)at, job_state_text(f->state));
}

static void on_ends(void *ctx, enum err e, struct finish *const *batch, size_t n)
{
	struct move *m = ctx;

	assert_int_equal(e, ERR_OK);
	for (size_t i = 0; i < n; i++)
		end_judge(m, batch[i], &m->held[batch[i] - m->ends]);
}

static struct finish end_of(struct race *r, const struct claim *c)
{
	static const enum finish_as kinds[] = {FINISH_COMPLETED, FINISH_COMPLETED, FINISH_FAILED,
		FINISH_RETRY, FINISH_RETRY, FINISH_PARKED, FINISH_INTERRUPTED, FINISH_INTERRUPTED};
	struct finish f = record_finish_of(c);

	f.as = kinds[race_dice(r, sizeof(kinds) / sizeof(kinds[0]))];
	if (f.as != FINISH_COMPLETED) {
		f.error = f.as == FINISH_INTERRUPTED ? ERR_INTERRUPTED : ERR_UP_TRUNCATED;
		f.result = (struct db_bytes){NULL, 0};
		f.decision = (struct id){{0}};
	}
	f.waiting_for = f.as == FINISH_RETRY ? "retry" : f.as == FINISH_PARKED ? "limit" : NULL;
	return f;
}

/* Ends some of what the worker believes to hold; one it forgets, another it will try again. */
static struct db *move_finish(struct move *m)
{
	struct race_worker *w = m->worker;
	size_t n = 0;

	for (size_t i = 0; i < w->held_n;) {
		const struct race_held held = w->held[i];
		const bool same = n == 0 || id_equal(held.worker, m->held[0].worker);
		bool twice = false;

		for (size_t j = 0; j < n; j++)
			twice |= m->held[j].job == held.job;
		if (!same || twice || race_dice(m->race, 3) == 0) {
			i++;
			continue;
		}
		m->held[n] = held;
		m->ends[n] = end_of(m->race, &held.claim);
		m->batch[n] = &m->ends[n];
		n++;
		if (race_dice(m->race, 2))
			w->held[i] = w->held[--w->held_n];
		else
			i++;
	}
	if (n == 0)
		return NULL;
	assert_int_equal(finish_batch(w->db, m->held[0].worker, m->batch, n, on_ends, m), ERR_OK);
	return w->db;
}

static void on_booked(void *ctx, enum err e, struct finish *const *batch, size_t n)
{
	struct move *m = ctx;

	assert_int_equal(e, ERR_OK);
	race_say(m->race, " [booked %d]", n == 1 && batch[0]->outcome == ERR_OK);
}

/* What an attempt used that was taken from its holder, told late, whatever its job is by then. */
static struct db *move_book(struct move *m)
{
	const struct race_worker *w = m->worker;

	if (w->held_n == 0)
		return NULL;
	m->held[0] = w->held[race_dice(m->race, w->held_n)];
	m->ends[0] = record_finish_of(&m->held[0].claim);
	m->batch[0] = &m->ends[0];
	assert_int_equal(
		finish_usage(m->race->book, m->held[0].worker, m->batch, 1, on_booked, m), ERR_OK);
	return m->race->book;
}

static void on_reaped(void *ctx, enum err e, const struct reap_report *report)
{
	struct move *m = ctx;

	assert_int_equal(e, ERR_OK);
	race_say(m->race, " [returned %zu]", report->returned);
}

static struct db *move_reap(struct move *m)
{
	struct race *r = m->race;
	struct id all[RACE_WORKERS];

	for (size_t i = 0; i < RACE_WORKERS; i++)
		all[i] = r->workers[i].id;
	assert_int_equal(reap_workers(r->leader, r->term,
				 &(struct reap_gone){all, RACE_WORKERS, false}, on_reaped, m),
		ERR_OK);
	return r->leader;
}

static void on_cancelled(void *ctx, enum err e, const struct job_changed *jobs, size_t n)
{
	struct move *m = ctx;

	race_must(m->race, e == ERR_OK || e == ERR_CONFLICT, "a cancel failed");
	for (size_t i = 0; e == ERR_OK && i < n; i++)
		if (jobs[i].changed) {
			race_job_of(m->race, jobs[i].job)->finals++;
			race_say(m->race, " [cancelled]");
		}
}

static struct db *move_cancel(struct move *m)
{
	struct race *r = m->race;
	struct job_key key = {r->tenant, m->jobs[race_dice(r, RACE_JOBS)].id};

	assert_int_equal(job_cancel(r->producer, key, &record_actor, on_cancelled, m), ERR_OK);
	return r->producer;
}

static void on_work(void *ctx, enum err e, size_t n)
{
	struct move *m = ctx;

	assert_int_equal(e, ERR_OK);
	race_say(m->race, " [%zu]", n);
}

static struct db *move_expire(struct move *m)
{
	struct race *r = m->race;

	assert_int_equal(due_expire_running(r->deadline, r->term, 100, on_work, m), ERR_OK);
	assert_int_equal(due_expire_waiting(r->deadline, r->term, 100, on_work, m), ERR_OK);
	return r->deadline;
}

static struct db *move_due(struct move *m)
{
	assert_int_equal(due_move(m->race->deadline, m->race->term, 100, on_work, m), ERR_OK);
	return m->race->deadline;
}

static struct db *move_freeze(struct move *m)
{
	race_freeze(m->race, m->worker);
	return NULL;
}

static struct db *move_late(struct move *m)
{
	if (race_dice(m->race, 3) == 0)
		race_late(m->race, m->jobs[race_dice(m->race, RACE_JOBS)].id);
	return NULL;
}

static void on_beat(void *ctx, enum err e, const struct worker_reply *reply)
{
	assert_int_equal(e, ERR_OK);
	*(bool *)ctx = reply->dead;
}

/* A worker that learns that it is dead begins anew, and still remembers what it held. */
static struct db *move_beat(struct move *m)
{
	const struct worker_pulse load = {.slots_free = 10};
	bool dead = false;

	record_run(m->worker->db, worker_beat(m->worker->db, m->worker->id, &load, on_beat, &dead));
	if (dead)
		m->worker->id = record_worker(m->worker->db);
	return NULL;
}

/* Weights are chances in the sum of all; only what waits for a job's row may stand in a group. */
static const struct kind {
	const char *name;
	struct db *(*begin)(struct move *m);
	unsigned weight;
	bool groups;
} kinds[] = {
	{"claim", move_claim, 6, true},
	{"finish", move_finish, 6, true},
	{"reap", move_reap, 4, true},
	{"book", move_book, 3, true},
	{"freeze", move_freeze, 4, false},
	{"beat", move_beat, 2, false},
	{"cancel", move_cancel, 1, true},
	{"late", move_late, 1, false},
	{"expire", move_expire, 1, true},
	{"due", move_due, 2, false},
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static const struct kind *kind_draw(struct race *r, bool groups)
{
	uint64_t sum = 0, at;

	for (size_t i = 0; i < KINDS; i++)
		sum += !groups || kinds[i].groups ? kinds[i].weight : 0;
	at = race_dice(r, sum);
	for (size_t i = 0; i < KINDS; i++) {
		const uint64_t weight = !groups || kinds[i].groups ? kinds[i].weight : 0;

		if (at < weight)
			return &kinds[i];
		at -= weight;
	}
	return &kinds[0];
}

/* Only a worker that believes to hold something can end it, or be missed. */
static size_t who_draw(struct race *r, const struct kind *kind)
{
	const bool holder = kind->begin == move_finish || kind->begin == move_freeze;
	size_t who = race_dice(r, RACE_WORKERS);

	for (size_t i = 0; holder && i < RACE_WORKERS && r->workers[who].held_n == 0; i++)
		who = (who + 1) % RACE_WORKERS;
	return who;
}

static void move_one(struct race *r, struct race_job *jobs, const struct kind *kind)
{
	const size_t who = who_draw(r, kind);
	struct move m = {.race = r, .worker = &r->workers[who], .jobs = jobs};

	race_say(r, " %s %zu", kind->name, who);
	struct db *db = kind->begin(&m);
	if (db)
		assert_int_equal(db_wait(db, RECORD_WAIT_MS), ERR_OK);
}

/* Several at once: all are under way, and wait, before the first may go on. */
static void move_group(struct race *r, struct race_job *jobs)
{
	struct move moves[GROUP_MAX] = {0};
	struct db *busy[GROUP_MAX] = {NULL};
	struct id ids[RACE_JOBS];
	const size_t n = 2 + race_dice(r, GROUP_MAX - 1);
	int64_t waiting = 0;

	for (size_t i = 0; i < RACE_JOBS; i++)
		ids[i] = jobs[i].id;
	if (race_dice(r, 6) == 0)
		race_late(r, ids[0]);
	race_gate_shut(r, ids, RACE_JOBS);
	race_say(r, " (");
	for (size_t i = 0; i < n; i++) {
		const struct kind *kind = kind_draw(r, true);
		const size_t who = who_draw(r, kind);

		moves[i] = (struct move){.race = r, .worker = &r->workers[who], .jobs = jobs};
		race_say(r, " %s %zu", kind->name, who);
		busy[i] = kind->begin(&moves[i]);
		if (busy[i])
			waiting = race_queued(r, busy[i], waiting);
	}
	race_say(r, " )");
	race_key(r, "open");
	assert_int_equal(db_wait(r->gate, RECORD_WAIT_MS), ERR_OK);
	for (size_t i = 0; i < n; i++)
		if (busy[i])
			assert_int_equal(db_wait(busy[i], RECORD_WAIT_MS), ERR_OK);
	r->gated++;
}

/* ---- rounds ---- */

static struct race_job *round_jobs(struct race *r)
{
	struct race_job *jobs = &r->jobs[r->jobs_n];
	struct submit submits[RACE_JOBS];

	for (size_t i = 0; i < RACE_JOBS; i++) {
		submits[i] = record_job(r->tenant, r->queue);
		submits[i].max_attempts = 20;
		jobs[i] = (struct race_job){.id = submits[i].job};
	}
	record_submit(r->producer, submits, RACE_JOBS);
	r->jobs_n += RACE_JOBS;
	return jobs;
}

static void round_run(struct race *r, uint64_t seed)
{
	r->seed = r->dice = seed;
	r->log_n = 0;
	for (size_t i = 0; i < RACE_WORKERS; i++)
		r->workers[i].held_n = 0;
	struct race_job *jobs = round_jobs(r);
	move_one(r, jobs, &kinds[0]); /* nothing happens to what nobody holds */
	for (int left = MOVES; left > 0;) {
		bool group = race_dice(r, 4) == 0;

		if (group)
			move_group(r, jobs);
		else
			move_one(r, jobs, kind_draw(r, false));
		left -= group ? 3 : 1;
	}
	r->interleavings++;
}

/* ---- healing: everybody dies, is returned, and what is left is done ---- */

/* A new incarnation on the same session. The dead one's lock would stay as long as that session,
 * and a hundred thousand rounds would be slowed by all of them. */
static void revive(struct race_worker *w)
{
	static const struct db_stmt forget = {
		.name = "race_forget", .sql = "select pg_advisory_unlock_all()"};

	record_sql(w->db, NULL, &forget);
	w->id = record_worker(w->db);
}

static void settle_turn(struct race *r)
{
	struct race_worker *w = &r->workers[0];
	struct job_key keys[RACE_ROUNDS * RACE_JOBS];
	struct move m = {.race = r, .worker = w, .jobs = r->jobs};
	static struct record_claims got;
	static struct finish ends[RECORD_CLAIMS_MAX];

	for (size_t i = 0; i < RACE_WORKERS; i++)
		race_freeze(r, &r->workers[i]);
	assert_int_equal(db_wait(move_reap(&m), RECORD_WAIT_MS), ERR_OK);
	for (size_t i = 0; i < RACE_WORKERS; i++)
		revive(&r->workers[i]);
	assert_int_equal(db_wait(move_due(&m), RECORD_WAIT_MS), ERR_OK);
	assert_int_equal(db_wait(move_expire(&m), RECORD_WAIT_MS), ERR_OK);
	for (size_t i = 0; i < r->jobs_n; i++)
		keys[i] = (struct job_key){r->tenant, r->jobs[i].id};
	got.n = 0;
	record_run(w->db, lease_claim_keys(w->db, w->id, keys, r->jobs_n, record_claimed, &got));
	w->held_n = RACE_HELD; /* on_claims shall only note them */
	on_claims(&m, ERR_OK, got.claim, got.n);
	w->held_n = 0;
	for (size_t i = 0; i < got.n; i++)
		ends[i] = record_finish_of(&got.claim[i]);
	if (got.n > 0)
		record_finish(w->db, w->id, ends, got.n);
	for (size_t i = 0; i < got.n; i++) {
		struct race_held held = {w->id, got.claim[i], race_job_of(r, ends[i].job)};

		end_judge(&m, &ends[i], &held);
	}
}

static void settle(struct race *r)
{
	for (int i = 0; i < SETTLE_TURNS; i++) {
		r->log_n = 0;
		settle_turn(r);
		if (race_judge(r) == 0)
			return;
	}
	race_must(r, false, "a job never ends");
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

/* promises: C7, C8, C16 */
static void test_whoever_races_a_job_ends_once_and_every_claim_has_one_end(void **state)
{
	struct race *r = *state;
	const uint64_t seed = number_of("SEED", (uint64_t)clock_record_ms() % 1000000 * 1000000);
	const uint64_t rounds = number_of("ROUNDS", ROUNDS_SHORT);

	for (uint64_t i = 0; i < rounds; i++) {
		if (i % RACE_ROUNDS == 0) {
			r->tenant = record_tenant(r->producer);
			r->jobs_n = 0;
			race_term_take(r);
		}
		round_run(r, seed + i);
		if (i % RACE_ROUNDS == RACE_ROUNDS - 1 || i + 1 == rounds)
			settle(r);
	}
	print_message("# SEED=%llu ROUNDS=%ld groups=%ld claims=%ld late ends refused=%ld\n",
		(unsigned long long)seed, r->interleavings, r->gated, r->claims, r->refused);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_whoever_races_a_job_ends_once_and_every_claim_has_one_end, race_open,
			race_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
