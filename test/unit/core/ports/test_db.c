/* The db port against a real Postgres (LONGHAUL_TEST_PG): pipelines, failures, both drivers. */
#include "ground/clock.h"
#include "ports/db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WAIT_MS = 120000 };

static struct db_options options_of(const char *user)
{
	const char *conninfo = getenv("LONGHAUL_TEST_PG");

	if (conninfo == NULL)
		fail_msg("LONGHAUL_TEST_PG is not set: no Postgres to test against");
	return (struct db_options){.conninfo = conninfo, .user = user, .application = "test_db"};
}

static struct db *db_new(const struct db_options *options)
{
	struct db *db = NULL;

	assert_int_equal(db_open(NULL, options, &db), ERR_OK);
	if (db_wait(db, WAIT_MS) != ERR_OK)
		fail_msg("%s", db_fault(db));
	return db;
}

static struct db *worker_new(void)
{
	struct db_options o = options_of("longhaul_worker");

	return db_new(&o);
}

struct end {
	int told;
	enum err e;
	int64_t value;
};

static void on_end(void *ctx, enum err e, const struct db_reply *reply)
{
	struct end *end = ctx;

	end->told++;
	end->e = e;
	if (e == ERR_OK && db_reply_n(reply) > 0 && db_rows_n(db_reply_rows(reply, 0)) > 0)
		end->value = db_int(db_reply_rows(reply, 0), 0, 0);
}

static void ask(struct db *db, const struct db_stmt *stmt, int64_t arg, struct end *end)
{
	struct db_args a;

	assert_int_equal(db_begin(db, NULL, 0), ERR_OK);
	db_args_init(&a);
	db_arg_int8(&a, arg);
	db_query(db, stmt, &a);
	db_commit(db, on_end, end);
}

static const struct db_stmt same = {.name = "t_same", .sql = "select $1 + 0", .reads = true};
static const struct db_stmt inverse = {.name = "t_inverse", .sql = "select 100 / $1"};
static const struct db_stmt wrong = {.name = "t_wrong", .sql = "select nothing from nowhere($1)"};
static const struct db_stmt sleepy = {.name = "t_sleepy", .sql = "select $1 from pg_sleep(30)"};
static const struct db_stmt dreamy = {
	.name = "t_dreamy", .sql = "select $1 from pg_sleep(30)", .reads = true};

static void on_values(void *ctx, enum err e, const struct db_reply *reply)
{
	const struct db_rows *r;
	struct id id;

	assert_int_equal(e, ERR_OK);
	r = db_reply_rows(reply, 0);
	assert_int_equal(db_rows_n(r), 2);
	assert_int_equal(db_int(r, 0, 0), -7);
	assert_int_equal(db_int(r, 0, 1), INT64_MIN);
	assert_string_equal(db_text(r, 0, 2), "schön");
	assert_int_equal(db_value(r, 0, 3).len, 3);
	assert_memory_equal(db_value(r, 0, 3).bytes, "a\0b", 3);
	id = db_id(r, 0, 4);
	assert_int_equal(id.bytes[15], 9);
	assert_int_equal(db_time(r, 0, 5), 1700000000123);
	assert_int_equal(db_int(r, 0, 6), 1);
	assert_true(db_null(r, 1, 2));
	assert_null(db_value(r, 1, 3).bytes);
	assert_true(db_null(r, 1, 4));
	assert_int_equal(db_time(r, 1, 5), 0);
	assert_true(db_float(r, 0, 7) == 2.5);
	*(bool *)ctx = true;
}

/* promises: C16 */
static void test_values_come_back_as_they_went(void **state)
{
	static const struct db_stmt stmt = {.name = "t_values",
		.sql = "select a, b, c, d, e, f, g, $8 from unnest($1, $2, $3, $4, $5, $6, $7)"
		       " k(a, b, c, d, e, f, g)"};
	struct id id = {{[15] = 9}};
	struct db *db = worker_new();
	struct db_args a;
	bool told = false;

	(void)state;
	db_args_init(&a);
	db_array(&a, DB_INT2, 2), db_item_int2(&a, -7), db_item_int2(&a, 7);
	db_array(&a, DB_INT8, 2), db_item_int8(&a, INT64_MIN), db_item_int8(&a, 0);
	db_array(&a, DB_TEXT, 2), db_item_text(&a, "schön"), db_item_text(&a, NULL);
	db_array(&a, DB_BYTES, 2), db_item_bytes(&a, (struct db_bytes){"a\0b", 3});
	db_item_bytes(&a, (struct db_bytes){NULL, 0});
	db_array(&a, DB_ID, 2), db_item_id(&a, id), db_item_id_or_null(&a, (struct id){{0}});
	db_array(&a, DB_TIME, 2), db_item_time(&a, 1700000000123), db_item_time(&a, 0);
	db_array(&a, DB_BOOL, 2), db_item_bool(&a, true), db_item_bool(&a, false);
	db_arg_float8_if(&a, true, 2.5);
	assert_int_equal(db_begin(db, NULL, 0), ERR_OK);
	db_query(db, &stmt, &a);
	db_commit(db, on_values, &told);
	assert_int_equal(db_wait(db, WAIT_MS), ERR_OK);
	assert_true(told);
	db_close(db);
}

/* promises: C16 */
static void test_a_failing_transaction_leaves_its_neighbours_alone(void **state)
{
	struct db *db = worker_new();
	struct end ends[5] = {{0}};
	int i;

	(void)state;
	for (i = 0; i < 5; i++) /* all five are under way at once; the third divides by zero */
		ask(db, i % 2 ? &same : &inverse, i == 2 ? 0 : i + 1, &ends[i]);
	assert_int_equal(db_pending(db), 5);
	assert_int_equal(db_wait(db, WAIT_MS), ERR_OK);
	for (i = 0; i < 5; i++) {
		assert_int_equal(ends[i].told, 1);
		assert_int_equal(ends[i].e, i == 2 ? ERR_DB_DATA : ERR_OK);
	}
	assert_int_equal(ends[0].value, 100);
	assert_int_equal(ends[1].value, 2);
	db_close(db);
}

/* promises: C16 */
static void test_a_wrong_statement_costs_one_connection_and_heals(void **state)
{
	struct db *db = worker_new();
	struct end end = {0};

	(void)state;
	ask(db, &wrong, 1, &end);
	(void)!db_wait(db, WAIT_MS);
	assert_int_equal(end.told, 1);
	assert_true(end.e == ERR_DB || end.e == ERR_DB_UNKNOWN);
	assert_non_null(strstr(db_fault(db), "42"));
	assert_int_equal(db_wait(db, WAIT_MS), ERR_OK);
	ask(db, &same, 5, &end);
	assert_int_equal(db_wait(db, WAIT_MS), ERR_OK);
	assert_int_equal(end.value, 5);
	db_close(db);
}

/* Ends db's session from another one, while a statement of it runs. */
static void session_end(struct db *db)
{
	static const struct db_stmt kill = {.name = "t_kill",
		.sql = "select case when pg_terminate_backend($1::int4) then 1 end"};
	struct db *other = worker_new();
	struct db_origin origin;
	struct end end = {0};

	db_origin_read(db, &origin);
	ask(other, &kill, origin.backend_pid, &end);
	assert_int_equal(db_wait(other, WAIT_MS), ERR_OK);
	assert_int_equal(end.value, 1);
	db_close(other);
}

/* promises: C16 */
static void test_a_lost_session_makes_writes_unknown_and_reads_fail(void **state)
{
	const struct db_stmt *stmts[] = {&sleepy, &dreamy};
	const enum err wanted[] = {ERR_DB_UNKNOWN, ERR_DB};
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct db *db = worker_new();
		struct end end = {0};

		ask(db, stmts[i], 1, &end);
		assert_int_equal(db_turn(db, 0), ERR_OK);
		session_end(db);
		assert_int_equal(db_wait(db, WAIT_MS), ERR_DB);
		assert_int_equal(end.told, 1);
		assert_int_equal(end.e, wanted[i]);
		assert_int_equal(db_begin(db, NULL, 0), ERR_DB);
		assert_int_equal(db_wait(db, WAIT_MS), ERR_OK);
		db_close(db);
	}
}

/* promises: C16 */
static void test_every_transaction_has_a_deadline(void **state)
{
	struct db_options o = options_of("longhaul_worker");
	struct end end = {0};
	struct db *db;

	(void)state;
	o.transaction_ms = 200;
	db = db_new(&o);
	ask(db, &sleepy, 1, &end);
	assert_int_equal(db_wait(db, WAIT_MS), ERR_DB);
	assert_int_equal(end.e, ERR_DB_UNKNOWN);
	db_close(db);
	o.transaction_ms = 0;
	o.statement_ms = 200; /* then the server itself ends it, and the outcome is certain */
	db = db_new(&o);
	ask(db, &sleepy, 1, &end);
	assert_int_equal(db_wait(db, WAIT_MS), ERR_OK);
	assert_int_equal(end.e, ERR_DB);
	db_close(db);
}

/* promises: C16 */
static void test_the_line_of_transactions_has_an_end(void **state)
{
	struct db_options o = options_of("longhaul_worker");
	struct end ends[3] = {{0}};
	struct db *db;

	(void)state;
	o.queued_max = 2;
	db = db_new(&o);
	ask(db, &same, 1, &ends[0]);
	ask(db, &same, 2, &ends[1]);
	assert_int_equal(db_begin(db, NULL, 0), ERR_UNAVAILABLE);
	assert_int_equal(db_wait(db, WAIT_MS), ERR_OK);
	assert_int_equal(ends[1].value, 2);
	db_close(db);
}

/* promises: C16 */
static void test_closing_ends_what_is_under_way(void **state)
{
	struct db *db = worker_new();
	struct end end = {0};

	(void)state;
	ask(db, &same, 1, &end);
	db_close(db);
	assert_int_equal(end.told, 1);
	assert_int_equal(end.e, ERR_DB);
}

/* promises: C16 */
static void test_nobody_there_is_told_at_once(void **state)
{
	struct db_options o = {
		.conninfo = "host=127.0.0.1 port=1 dbname=nobody", .connect_ms = 60000};
	struct db *db = NULL;

	(void)state;
	assert_int_equal(db_open(NULL, &(struct db_options){.conninfo = "no such option=1"}, &db),
		ERR_CONFIG);
	assert_int_equal(db_open(NULL, &o, &db), ERR_OK);
	assert_int_equal(db_wait(db, WAIT_MS), ERR_DB);
	assert_true(strlen(db_fault(db)) > 0);
	assert_false(db_is_up(db));
	db_close(db);
}

/* ---- on a loop ---- */

struct looped {
	struct loop *loop;
	struct db *db;
	struct end ends[3];
	int ups, downs;
	bool killed;
};

static void on_looped(void *ctx, enum err e, const struct db_reply *reply)
{
	struct looped *l = ctx;

	on_end(&l->ends[1], e, reply);
	if (!l->killed) {
		/* From a callback: the next transaction, and then the session's death. */
		l->killed = true;
		ask(l->db, &sleepy, 1, &l->ends[2]);
		session_end(l->db);
	} else {
		loop_stop(l->loop);
	}
}

static void on_change(void *owner, bool up)
{
	struct looped *l = owner;
	struct db_args a;

	l->ups += up;
	l->downs += !up;
	if (!up)
		return;
	assert_int_equal(db_begin(l->db, NULL, 0), ERR_OK);
	db_args_init(&a);
	db_arg_int8(&a, 40 + l->ups);
	db_query(l->db, &same, &a);
	db_commit(l->db, on_looped, l);
}

/* promises: C16 */
static void test_on_a_loop_it_reconnects_by_itself(void **state)
{
	struct db_options o = options_of("longhaul_worker");
	struct looped l = {0};

	(void)state;
	o.on_change = on_change;
	o.owner = &l;
	assert_int_equal(loop_new(&l.loop), ERR_OK);
	assert_int_equal(db_open(l.loop, &o, &l.db), ERR_OK);
	loop_run(l.loop);
	assert_int_equal(l.ups, 2);
	assert_int_equal(l.downs, 1);
	assert_int_equal(l.ends[1].value, 42);
	assert_int_equal(l.ends[2].e, ERR_DB_UNKNOWN);
	db_close(l.db);
	loop_free(l.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_come_back_as_they_went),
		cmocka_unit_test(test_a_failing_transaction_leaves_its_neighbours_alone),
		cmocka_unit_test(test_a_wrong_statement_costs_one_connection_and_heals),
		cmocka_unit_test(test_a_lost_session_makes_writes_unknown_and_reads_fail),
		cmocka_unit_test(test_every_transaction_has_a_deadline),
		cmocka_unit_test(test_the_line_of_transactions_has_an_end),
		cmocka_unit_test(test_closing_ends_what_is_under_way),
		cmocka_unit_test(test_nobody_there_is_told_at_once),
		cmocka_unit_test(test_on_a_loop_it_reconnects_by_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
