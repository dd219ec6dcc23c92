/* Events without gaps, and the outbox, against a real Postgres (LONGHAUL_TEST_PG). */
#include "stores/delivery.h"
#include "stores/job_change.h"
#include "unit/core/stores/record_world.h"

struct page {
	size_t n;
	struct event_run run[50];
	char text[50][20];
	struct event_page page;
};

static void on_page(void *ctx, enum err e, const struct event_page *page)
{
	struct page *p = ctx;
	size_t i;

	assert_int_equal(e, ERR_OK);
	p->page = *page;
	p->n = page->n;
	for (i = 0; i < page->n; i++) {
		p->run[i] = page->runs[i];
		snprintf(p->text[i], sizeof(p->text[i]), "%.*s", (int)page->runs[i].text.len,
			page->runs[i].text.bytes != NULL ? (const char *)page->runs[i].text.bytes
							 : "");
	}
}

/* Reads from after on and checks that no number is missing. */
static struct page *events(struct record_world *w, const struct submit *s, int64_t after)
{
	static struct page p;
	int64_t next = after + 1;
	size_t i;

	memset(&p, 0, sizeof(p));
	record_run(w->producer,
		event_read(w->producer, (struct job_key){s->tenant, s->job}, after, on_page, &p));
	for (i = 0; i < p.n; i++) {
		if (i > 0)
			assert_int_equal(p.run[i].seq_from, next);
		next = p.run[i].seq_from + p.run[i].count;
	}
	return &p;
}

static void on_append(void *ctx, enum err e, struct event_append *const *batch, size_t n)
{
	(void)batch;
	(void)n;
	*(enum err *)ctx = e;
}

static void append(struct record_world *w, struct event_append *a)
{
	struct event_append *batch[] = {a};
	enum err e = ERR_INTERNAL;

	record_run(w->worker, event_append_batch(w->worker, w->me, batch, 1, on_append, &e));
	assert_int_equal(e, ERR_OK);
}

/* promises: C2 */
static void test_a_stream_is_replayed_with_the_same_numbers(void **state)
{
	static const uint32_t lengths[2] = {2, 3};
	struct record_world *w = *state;
	struct event_run run = {.kind = EVENT_DELTA,
		.seq_from = 3,
		.count = 2,
		.text = {"heya!", 5},
		.lengths = {lengths, sizeof(lengths)}};
	struct submit s = record_job(w->tenant, w->queue);
	struct event_append a;
	struct claim c;
	struct finish f;
	struct page *p;

	record_submit(w->producer, &s, 1);
	p = events(w, &s, 0);
	assert_int_equal(p->n, 1);
	assert_int_equal(p->run[0].kind, EVENT_QUEUED);
	c = record_claim(w->worker, w->me, w->queue, 1)->claim[0];
	a = (struct event_append){.tenant = c.tenant,
		.job = c.job,
		.fence = c.fence,
		.extend = true,
		.runs = &run,
		.runs_n = 1,
		.progress_percent = -1,
		.progress_stage = "generating",
		.progress_tokens = 2};
	append(w, &a);
	assert_int_equal(a.outcome, ERR_OK);
	assert_int_equal(a.event_to, c.event_to + EVENT_BLOCK);
	p = events(w, &s, 1);
	assert_int_equal(p->n, 2);
	assert_int_equal(p->run[0].kind, EVENT_RUNNING);
	assert_int_equal(p->run[1].kind, EVENT_DELTA);
	assert_string_equal(p->text[1], "heya!");
	assert_false(p->page.ended);
	f = record_finish_of(&c);
	f.event_last = 6; /* number 5 was told live and never written down */
	record_finish(w->worker, w->me, &f, 1);
	p = events(w, &s, 0);
	assert_true(p->page.ended);
	assert_int_equal(p->run[p->n - 1].kind, EVENT_COMPLETED);
	assert_int_equal(p->run[p->n - 1].seq_from, 6);
	assert_int_equal(events(w, &s, 5)->n, 1);
}

/* promises: C2, C7 */
static void test_a_stale_holder_appends_nothing(void **state)
{
	struct record_world *w = *state;
	struct submit s = record_job(w->tenant, w->queue);
	struct event_append a;
	struct claim c;

	record_submit(w->producer, &s, 1);
	c = record_claim(w->worker, w->me, w->queue, 1)->claim[0];
	a = (struct event_append){.tenant = c.tenant,
		.job = c.job,
		.fence = c.fence + 1,
		.extend = true,
		.progress_percent = -1,
		.progress_stage = ""};
	append(w, &a);
	assert_int_equal(a.outcome, ERR_LOST);
}

static void on_cancel(void *ctx, enum err e, const struct job_changed *jobs, size_t n)
{
	(void)ctx;
	(void)jobs;
	assert_int_equal(e, ERR_OK);
	assert_int_equal(n, 1);
}

/* promises: C2 */
static void test_whoever_else_ends_an_attempt_closes_its_block(void **state)
{
	struct record_world *w = *state;
	struct submit s = record_job(w->tenant, w->queue);
	struct page *p;

	record_submit(w->producer, &s, 1);
	assert_int_equal(record_claim(w->worker, w->me, w->queue, 1)->n, 1);
	record_run(w->producer, job_cancel(w->producer, (struct job_key){s.tenant, s.job},
					&record_actor, on_cancel, NULL));
	p = events(w, &s, 0);
	assert_true(p->page.ended);
	assert_int_equal(p->run[p->n - 1].kind, EVENT_CANCELLED);
	assert_int_equal(p->run[p->n - 1].seq_from, 257);
	record_run(w->producer, job_retry(w->producer, (struct job_key){s.tenant, s.job},
					&record_actor, on_cancel, NULL));
	p = events(w, &s, 0);
	assert_false(p->page.ended);
	assert_int_equal(p->run[p->n - 1].kind, EVENT_QUEUED);
	assert_int_equal(p->run[p->n - 1].seq_from, 258);
}

struct taken {
	size_t n;
	struct delivery d[100];
};

static void on_deliveries(void *ctx, enum err e, const struct delivery *rows, size_t n)
{
	struct taken *t = ctx;
	size_t i;

	assert_int_equal(e, ERR_OK);
	for (i = 0; i < n && t->n < 100; i++)
		t->d[t->n++] = rows[i];
}

static void on_delivered(void *ctx, enum err e, struct delivery_end *const *batch, size_t n)
{
	(void)batch;
	(void)n;
	*(enum err *)ctx = e;
}

static void on_log(void *ctx, enum err e, const struct delivery_row *rows, size_t n)
{
	assert_int_equal(e, ERR_OK);
	*(size_t *)ctx = n;
	if (n == 2) {
		assert_string_equal(rows[0].error_code, "upstream_connect");
		assert_string_equal(rows[1].state, "delivered");
		assert_int_equal(rows[1].status, 200);
	}
}

/* The delivery of this job, claimed; others' are left to their lease. */
static struct delivery claim_of(struct record_world *w, const struct submit *s)
{
	int64_t end = clock_ms() + RECORD_WAIT_MS;
	struct id turn = {{0}};
	const struct delivery_ask ask = {.max = 100, .lease_ms = 60000, .turn = &turn};
	struct taken t;
	size_t i;

	while (clock_ms() < end) {
		t.n = 0;
		record_run(w->worker, delivery_claim(w->worker, w->me, &ask, on_deliveries, &t));
		for (i = 0; i < t.n; i++)
			if (id_equal(t.d[i].job, s->job))
				return t.d[i];
	}
	fail_msg("its delivery was never due");
	return (struct delivery){0};
}

/* promises: C3 */
static void test_the_end_of_a_job_leaves_a_delivery_that_is_tried_until_done(void **state)
{
	struct record_world *w = *state;
	struct submit s = record_job(w->tenant, w->queue);
	struct delivery_end end, *batch[] = {&end};
	struct delivery first, again;
	enum err e = ERR_INTERNAL;
	struct finish f;
	size_t n = 0;

	s.callback_events = CALLBACK_ALL;
	s.callback = (struct db_bytes){"\0{\"url\":\"x\"}", 11};
	record_submit(w->producer, &s, 1);
	f = record_finish_of(&record_claim(w->worker, w->me, w->queue, 1)->claim[0]);
	record_finish(w->worker, w->me, &f, 1);
	first = claim_of(w, &s);
	assert_int_equal(first.attempt, 1);
	end = (struct delivery_end){.tenant = first.tenant,
		.id = first.id,
		.fence = first.fence,
		.as = DELIVERY_AGAIN,
		.error = ERR_UP_CONNECT,
		.address = "127.0.0.1"};
	record_run(w->worker, delivery_end(w->worker, w->me, batch, 1, on_delivered, &e));
	assert_int_equal(e, ERR_OK);
	assert_int_equal(end.outcome, ERR_OK);
	/* The same hand again is stale: the row was claimed anew. */
	again = claim_of(w, &s);
	assert_true(id_equal(again.id, first.id));
	assert_int_equal(again.attempt, 2);
	record_run(w->worker, delivery_end(w->worker, w->me, batch, 1, on_delivered, &e));
	assert_int_equal(end.outcome, ERR_LOST);
	end.fence = again.fence;
	end.as = DELIVERY_DONE;
	end.error = ERR_OK;
	end.status = 200;
	record_run(w->worker, delivery_end(w->worker, w->me, batch, 1, on_delivered, &e));
	assert_int_equal(end.outcome, ERR_OK);
	record_run(w->producer,
		delivery_list(w->producer, (struct job_key){s.tenant, s.job}, on_log, &n));
	assert_int_equal(n, 2);
}

/* Ends n jobs of a tenant that wants to be called. */
static void owe(struct record_world *w, struct id tenant, size_t n)
{
	struct submit jobs[100];
	struct record_claims *got;
	struct finish f[100];

	for (size_t i = 0; i < n; i++) {
		jobs[i] = record_job(tenant, w->queue);
		jobs[i].callback_events = CALLBACK_ALL;
		jobs[i].callback = (struct db_bytes){"\0{\"url\":\"x\"}", 11};
	}
	record_submit(w->producer, jobs, n);
	got = record_claim(w->worker, w->me, w->queue, n);
	assert_int_equal(got->n, n);
	for (size_t i = 0; i < n; i++)
		f[i] = record_finish_of(&got->claim[i]);
	record_finish(w->worker, w->me, f, n);
}

/* promises: C3, C12 */
static void test_no_tenant_waits_behind_the_backlog_of_another(void **state)
{
	enum { BACKLOG = 90, ROOM = 16 };
	struct record_world *w = *state;
	struct id other = record_tenant(w->producer), turn = {{0}};
	const struct delivery_ask ask = {.max = ROOM, .lease_ms = 60000, .turn = &turn};
	struct taken t;
	size_t others = 0, all = 0;

	owe(w, w->tenant, BACKLOG);
	owe(w, other, 3);
	for (int tries = 0; tries < 2; tries++) { /* whoever's turn is first */
		t.n = 0;
		record_run(w->worker, delivery_claim(w->worker, w->me, &ask, on_deliveries, &t));
		for (size_t i = 0; i < t.n; i++)
			others += id_equal(t.d[i].tenant, other);
		all += t.n;
	}
	assert_int_equal(others, 3);
	assert_int_equal(all, 2 * ROOM);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, record_world_open, record_world_close)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_stream_is_replayed_with_the_same_numbers),
		TEST(test_a_stale_holder_appends_nothing),
		TEST(test_whoever_else_ends_an_attempt_closes_its_block),
		TEST(test_the_end_of_a_job_leaves_a_delivery_that_is_tried_until_done),
		TEST(test_no_tenant_waits_behind_the_backlog_of_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
