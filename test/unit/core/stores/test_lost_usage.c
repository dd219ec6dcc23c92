/* What an attempt used that its holder did not end (LONGHAUL_TEST_PG). */
#include "domain/usage.h"
#include "stores/due.h"
#include "stores/event.h"
#include "stores/job_list.h"
#include "stores/usage_day.h"
#include "unit/core/stores/record_leader.h"

static void on_attempts(void *ctx, enum err e, const struct attempt_row *rows, size_t n)
{
	assert_int_equal(e, ERR_OK);
	assert_int_equal(n, 1);
	*(struct attempt_row *)ctx = rows[0];
}

static struct attempt_row attempt_of(struct led *l, const struct submit *s)
{
	const struct job_key key = {s->tenant, s->job};
	struct attempt_row row = {0};

	record_run(l->w->producer, attempt_list(l->w->producer, key, on_attempts, &row));
	return row;
}

/* All of a tenant's days, as one row. */
static void on_usage(void *ctx, enum err e, const struct usage_row *rows, size_t n)
{
	struct usage_row *sum = ctx;

	assert_int_equal(e, ERR_OK);
	for (size_t i = 0; i < n; i++) {
		sum->attempts += rows[i].attempts;
		sum->estimated += rows[i].estimated;
		sum->input_tokens += rows[i].input_tokens;
		sum->output_tokens += rows[i].output_tokens;
	}
}

static void assert_booked(struct led *l, const struct submit *s, struct usage used, bool guessed)
{
	const struct usage_ask ask = {
		s->tenant, "2020-01-01", "2999-01-01", USAGE_BY_UPSTREAM | USAGE_BY_MODEL};
	const struct attempt_row attempt = attempt_of(l, s);
	struct usage_row day = {0};

	assert_int_equal(attempt.input_tokens, used.input_tokens);
	assert_int_equal(attempt.output_tokens, used.output_tokens);
	assert_true(attempt.estimated == guessed);
	assert_int_equal(record_look(l->w, s->tenant, s->job), 1);
	assert_int_equal(record_row.input_tokens, used.input_tokens);
	assert_int_equal(record_row.output_tokens, used.output_tokens);
	record_run(l->w->producer, usage_day_read(l->w->producer, &ask, on_usage, &day));
	assert_int_equal(day.attempts, 1);
	assert_int_equal(day.estimated, guessed);
	assert_int_equal(day.input_tokens, used.input_tokens);
	assert_int_equal(day.output_tokens, used.output_tokens);
}

static void on_appended(void *ctx, enum err e, struct event_append *const *batch, size_t n)
{
	(void)ctx;
	assert_int_equal(e, ERR_OK);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(batch[i]->outcome, ERR_OK);
}

static void append_text(struct led *l, const struct claim *c, struct db_bytes text)
{
	static const uint8_t lengths[4] = {1};
	const struct event_run run = {.kind = EVENT_DELTA,
		.seq_from = c->event_from + 1,
		.count = 1,
		.text = text,
		.lengths = {lengths, sizeof(lengths)}};
	struct event_append a = {.tenant = c->tenant,
				    .job = c->job,
				    .fence = c->fence,
				    .runs = &run,
				    .runs_n = 1,
				    .progress_percent = -1,
				    .progress_stage = "generating"},
			    *batch[] = {&a};

	record_run(l->w->worker,
		event_append_batch(l->w->worker, l->w->me, batch, 1, on_appended, NULL));
}

/* promises: X6, C7 */
static void test_what_a_lost_attempt_used_is_guessed_until_its_holder_tells(void **state)
{
	struct led *l = *state;
	struct submit s = record_job(l->w->tenant, l->w->queue);
	struct finish f, *batch[] = {&f};
	struct claim c;
	enum err e = ERR_INTERNAL;

	s.kind = "chat";
	s.model = "m";
	s.input = (struct db_bytes){"\0{\"a\":1}", 8};
	record_submit(l->w->producer, &s, 1);
	c = record_claim(l->w->worker, l->w->me, l->w->queue, 1)->claim[0];
	append_text(l, &c, (struct db_bytes){"\0twelve bytes", 13});
	assert_int_equal(reap(l, l->w->me).returned, 1);
	assert_booked(l, &s, (struct usage){2, 4, 0}, true);
	/* The holder lives after all, and knows. */
	f = (struct finish){.tenant = c.tenant,
		.job = c.job,
		.fence = c.fence,
		.upstream = "u",
		.model = "m",
		.input_tokens = 7,
		.output_tokens = 9};
	record_run(
		l->w->worker, finish_usage(l->w->worker, l->w->me, batch, 1, record_finished, &e));
	assert_int_equal(e, ERR_OK);
	assert_int_equal(f.outcome, ERR_OK);
	assert_booked(l, &s, (struct usage){7, 9, 0}, false);
	record_run(
		l->w->worker, finish_usage(l->w->worker, l->w->me, batch, 1, record_finished, &e));
	assert_int_equal(f.outcome, ERR_LOST);
}

static void on_beat(void *ctx, enum err e, const struct worker_reply *reply)
{
	assert_int_equal(e, ERR_OK);
	assert_false(reply->dead);
	(void)ctx;
}

/* A job that calls a model, of whose attempt its holder tells. */
static struct submit told_job(struct led *l, const char *held_by)
{
	struct submit s = record_job(l->w->tenant, l->w->queue);
	struct worker_told told = {.upstream = "u",
		.key_label = "team-a",
		.model = "other",
		.held_by = held_by,
		.ago_ms = 90000};
	const struct worker_pulse pulse = {.told = &told, .told_n = 1};
	struct claim c;

	s.kind = "chat";
	s.model = "m";
	s.input = (struct db_bytes){"\0{\"a\":1}", 8};
	record_submit(l->w->producer, &s, 1);
	c = record_claim(l->w->worker, l->w->me, l->w->queue, 1)->claim[0];
	told.tenant = c.tenant;
	told.job = c.job;
	told.fence = c.fence;
	record_run(l->w->worker, worker_beat(l->w->worker, l->w->me, &pulse, on_beat, NULL));
	return s;
}

struct told_seen {
	char upstream[8], key[8], model[8], held_by[16];
	bool runs, since;
};

static void on_told(void *ctx, enum err e, const struct attempt_row *rows, size_t n)
{
	struct told_seen *seen = ctx;

	assert_int_equal(e, ERR_OK);
	assert_int_equal(n, 1);
	snprintf(seen->upstream, sizeof(seen->upstream), "%s", rows[0].upstream);
	snprintf(seen->key, sizeof(seen->key), "%s", rows[0].key_label);
	snprintf(seen->model, sizeof(seen->model), "%s", rows[0].model);
	snprintf(seen->held_by, sizeof(seen->held_by), "%s", rows[0].held_by);
	seen->runs = rows[0].ended_ms == 0;
	seen->since = rows[0].since_ms && rows[0].since_ms <= rows[0].started_ms;
}

static void assert_told(struct led *l, const struct submit *s, const char *held_by, bool runs)
{
	const struct job_key key = {s->tenant, s->job};
	struct told_seen seen;

	record_run(l->w->producer, attempt_list(l->w->producer, key, on_told, &seen));
	assert_string_equal(seen.upstream, "u");
	assert_string_equal(seen.key, "team-a");
	assert_string_equal(seen.model, "other");
	assert_string_equal(seen.held_by, held_by);
	assert_true(seen.runs == runs && seen.since == runs);
}

/* promises: X6, S1.9 */
static void test_whom_a_lost_attempt_called_is_known_and_its_guess_goes_there(void **state)
{
	struct led *l = *state;
	const struct submit s = told_job(l, NULL);
	struct finish f = {.tenant = s.tenant,
		.job = s.job,
		.fence = attempt_of(l, &s).fence,
		.upstream = "u"};
	struct finish *batch[] = {&f};
	enum err e = ERR_INTERNAL;

	assert_told(l, &s, "", true);
	assert_int_equal(reap(l, l->w->me).returned, 1);
	assert_told(l, &s, "", false);
	assert_booked(l, &s, (struct usage){2, 0, 0}, true);
	/* Its holder lives, and knows better, once. */
	f.input_tokens = 7;
	record_run(
		l->w->worker, finish_usage(l->w->worker, l->w->me, batch, 1, record_finished, &e));
	assert_int_equal(f.outcome, ERR_OK);
	assert_booked(l, &s, (struct usage){7, 0, 0}, false);
	record_run(
		l->w->worker, finish_usage(l->w->worker, l->w->me, batch, 1, record_finished, &e));
	assert_int_equal(f.outcome, ERR_LOST);
}

/* promises: X6, S1.9 */
static void test_a_lost_attempt_that_only_waited_to_call_used_nothing(void **state)
{
	struct led *l = *state;
	const struct submit s = told_job(l, "requests");

	assert_told(l, &s, "requests", true);
	assert_int_equal(reap(l, l->w->me).returned, 1);
	assert_told(l, &s, "requests", false);
	assert_int_equal(attempt_of(l, &s).input_tokens, 0);
	assert_false(attempt_of(l, &s).estimated);
}

static void on_expired(void *ctx, enum err e, size_t n)
{
	(void)ctx;
	assert_int_equal(e, ERR_OK);
	assert_true(n >= 1);
}

/* The leader finds that its holder let its deadline pass. */
static void expire(struct led *l, const struct submit *s)
{
	static const struct db_stmt late = {.name = "test_lease_is_late",
		.sql = "update job_lease set deadline_at = now() - interval '5 s' where tenant_id is not null"
		       " and job_id = any(coalesce((select string_to_array(current_setting('app.tenants'),"
		       " ',')::uuid[]), '{}'))"};

	/* The setting carries the job's id here: workers see every lease. */
	record_sql(l->w->worker, &s->job, &late);
	record_run(l->leader, due_expire_running(l->leader, l->term, 1000, on_expired, NULL));
	assert_int_equal(record_look(l->w, s->tenant, s->job), 1);
	assert_int_equal(record_row.state, JOB_EXPIRED);
}

/* promises: X6, S1.9, C5 */
static void test_whom_an_expired_attempt_called_is_known_and_its_guess_goes_there(void **state)
{
	struct led *l = *state;
	const struct submit s = told_job(l, NULL);
	struct finish f = {.tenant = s.tenant,
		.job = s.job,
		.fence = attempt_of(l, &s).fence,
		.upstream = "u"};
	struct finish *batch[] = {&f};
	enum err e = ERR_INTERNAL;

	expire(l, &s);
	assert_told(l, &s, "", false);
	assert_booked(l, &s, (struct usage){2, 0, 0}, true);
	/* Its holder wakes, and knows better. */
	f.input_tokens = 7;
	record_run(
		l->w->worker, finish_usage(l->w->worker, l->w->me, batch, 1, record_finished, &e));
	assert_int_equal(f.outcome, ERR_OK);
	assert_booked(l, &s, (struct usage){7, 0, 0}, false);
}

/* promises: X6, S1.9, C5 */
static void test_an_expired_attempt_that_only_waited_to_call_used_nothing(void **state)
{
	struct led *l = *state;
	const struct submit s = told_job(l, "requests");
	const struct job_key key = {s.tenant, s.job};
	struct told_seen seen;

	expire(l, &s);
	record_run(l->w->producer, attempt_list(l->w->producer, key, on_told, &seen));
	assert_string_equal(seen.held_by, "requests");
	assert_int_equal(attempt_of(l, &s).input_tokens, 0);
	assert_false(attempt_of(l, &s).estimated);
}

/* promises: X6 */
static void test_a_lost_attempt_that_calls_nobody_used_nothing(void **state)
{
	struct led *l = *state;
	struct submit s = record_job(l->w->tenant, l->w->queue);

	record_submit(l->w->producer, &s, 1);
	assert_int_equal(record_claim(l->w->worker, l->w->me, l->w->queue, 1)->n, 1);
	assert_int_equal(reap(l, l->w->me).returned, 1);
	assert_int_equal(attempt_of(l, &s).input_tokens, 0);
	assert_false(attempt_of(l, &s).estimated);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, led_open, led_close)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_a_lost_attempt_used_is_guessed_until_its_holder_tells),
		TEST(test_whom_a_lost_attempt_called_is_known_and_its_guess_goes_there),
		TEST(test_a_lost_attempt_that_only_waited_to_call_used_nothing),
		TEST(test_whom_an_expired_attempt_called_is_known_and_its_guess_goes_there),
		TEST(test_an_expired_attempt_that_only_waited_to_call_used_nothing),
		TEST(test_a_lost_attempt_that_calls_nobody_used_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
