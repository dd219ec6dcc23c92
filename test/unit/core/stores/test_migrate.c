/* Migrations, epochs, partitions and the installation's own rows (LONGHAUL_TEST_PG). */
#include "stores/api_key.h"
#include "stores/epoch.h"
#include "stores/migrate.h"
#include "stores/partition.h"
#include "stores/review.h"
#include "unit/core/stores/record_world.h"

static struct db *owner_open(void)
{
	return record_open(getenv("LONGHAUL_TEST_PG"), "longhaul_owner");
}

static void on_file(void *ctx, const char *name, bool applied)
{
	size_t *seen = ctx;

	assert_non_null(name);
	seen[0]++;
	seen[1] += applied;
}

/* promises: C16, X1 */
static void test_migrating_again_changes_nothing(void **state)
{
	struct db *owner = owner_open();
	char fault[MIGRATE_FAULT_MAX];
	size_t seen[2] = {0, 0}, missing = 99;

	(void)state;
	assert_int_equal(migrate_run(owner, on_file, seen, fault), ERR_OK);
	assert_true(seen[0] >= 4);
	assert_int_equal(seen[1], 0);
	assert_int_equal(migrate_check(owner, NULL, NULL, &missing, fault), ERR_OK);
	assert_int_equal(missing, 0);
	db_close(owner);
}

/* promises: C16 */
static void test_a_changed_file_is_refused_by_name(void **state)
{
	static const char spoil[] = "begin; update schema_migration set digest = '\\x00'"
				    " where name = '0001_create_record.sql'";
	struct db *owner = owner_open();
	char fault[MIGRATE_FAULT_MAX];
	size_t missing;

	(void)state;
	/* In a transaction that never commits: nobody else sees it. */
	assert_int_equal(db_script(owner, spoil, RECORD_WAIT_MS), ERR_OK);
	assert_int_equal(migrate_check(owner, NULL, NULL, &missing, fault), ERR_CONFLICT);
	assert_non_null(strstr(fault, "0001_create_record.sql"));
	db_close(owner);
}

/* promises: C16 */
static void test_a_database_newer_than_the_program_is_refused(void **state)
{
	static const char newer[] = "begin; insert into schema_migration (name, digest)"
				    " values ('9999_later.sql', '\\x00')";
	struct db *owner = owner_open();
	char fault[MIGRATE_FAULT_MAX];
	size_t missing;

	(void)state;
	assert_int_equal(db_script(owner, newer, RECORD_WAIT_MS), ERR_OK);
	assert_int_equal(migrate_check(owner, NULL, NULL, &missing, fault), ERR_CONFLICT);
	assert_non_null(strstr(fault, "9999_later.sql"));
	db_close(owner);
}

static void on_pin(void *ctx, enum err e, const struct epoch *epoch)
{
	assert_int_equal(e, ERR_OK);
	*(struct epoch *)ctx = *epoch;
}

/* promises: C19 */
static void test_the_epoch_is_pinned_once(void **state)
{
	struct db *db = record_open(getenv("LONGHAUL_TEST_PG"), "longhaul_worker");
	struct epoch first, second;
	struct db_origin origin;

	(void)state;
	record_run(db, epoch_pin(db, false, on_pin, &first));
	record_run(db, epoch_pin(db, false, on_pin, &second));
	db_origin_read(db, &origin);
	assert_false(second.fresh);
	assert_true(second.system_identifier == origin.system_identifier);
	assert_int_equal(second.timeline, origin.timeline);
	assert_true(first.fence_base == second.fence_base);
	db_close(db);
}

/* As if this server had been promoted since: the epoch's row knows another timeline. */
static struct epoch promoted(struct record_world *w, bool rerun)
{
	static const char other[] = "update record_epoch set timeline = timeline + 1000000";
	struct db *owner = owner_open();
	struct epoch epoch;

	assert_int_equal(db_script(owner, other, RECORD_WAIT_MS), ERR_OK);
	record_run(w->worker, epoch_pin(w->worker, rerun, on_pin, &epoch));
	assert_true(epoch.fresh);
	db_close(owner);
	return epoch;
}

/* promises: C19 */
static void test_another_history_ends_every_lease_and_lifts_the_fences(void **state)
{
	struct record_world *w = *state;
	struct submit s = record_job(w->tenant, w->queue);
	struct epoch before, after;
	struct claim old, anew;
	struct finish f;

	record_submit(w->producer, &s, 1);
	record_run(w->worker, epoch_pin(w->worker, true, on_pin, &before));
	old = record_claim(w->worker, w->me, w->queue, 1)->claim[0];
	after = promoted(w, true);
	assert_true(after.fence_base > before.fence_base && after.fence_base > old.fence);
	assert_true(after.held >= 1);
	f = record_finish_of(&old);
	record_finish(w->worker, w->me, &f, 1);
	assert_int_equal(f.outcome, ERR_LOST);
	anew = record_claim(w->worker, w->me, w->queue, 1)->claim[0];
	assert_true(anew.fence > after.fence_base);
	assert_true(anew.restarted);
	f = record_finish_of(&anew);
	record_finish(w->worker, w->me, &f, 1);
	assert_int_equal(f.outcome, ERR_OK);
}

/* A backup that is restored twice knows nothing of the first time. promises: C19 */
static void test_a_history_that_was_given_up_shares_no_fence_with_the_next(void **state)
{
	static const char forget[] = "delete from record_epoch where fence_base ="
				     " (select max(fence_base) from record_epoch)";
	struct record_world *w = *state;
	struct db *owner = owner_open();
	const struct epoch first = promoted(w, true);
	struct epoch second;

	assert_int_equal(db_script(owner, forget, RECORD_WAIT_MS), ERR_OK);
	second = promoted(w, true);
	assert_true(second.fence_base > first.fence_base);
	db_close(owner);
}

struct reviewed {
	struct id job;
	bool found;
	size_t released;
};

static void on_review(void *ctx, enum err e, const struct review *rows, size_t n)
{
	struct reviewed *seen = ctx;

	assert_int_equal(e, ERR_OK);
	seen->found = false;
	for (size_t i = 0; i < n; i++)
		seen->found |= id_equal(rows[i].key.job, seen->job);
}

static void on_released(void *ctx, enum err e, size_t n)
{
	assert_int_equal(e, ERR_OK);
	((struct reviewed *)ctx)->released = n;
}

/* promises: C19 */
static void test_what_ran_when_a_history_ended_waits_for_one_word(void **state)
{
	static const struct audit_actor by = {.kind = "cli"};
	struct record_world *w = *state;
	struct submit s = record_job(w->tenant, w->queue);
	const struct job_key key = {w->tenant, s.job};
	struct reviewed seen = {.job = s.job};
	struct db *owner = owner_open();

	record_submit(w->producer, &s, 1);
	(void)record_claim(w->worker, w->me, w->queue, 1);
	(void)promoted(w, false);
	assert_int_equal(record_look(w, w->tenant, s.job), 1);
	assert_int_equal(record_row.state, JOB_WAITING);
	assert_int_equal(record_row.due_ms, 0);
	assert_int_equal(record_claim(w->worker, w->me, w->queue, 1)->n, 0);
	record_run(owner, review_list(owner, (struct job_key){0}, &s.job, 1, on_review, &seen));
	assert_true(seen.found);
	record_run(owner, review_release(owner, &key, 1, &by, on_released, &seen));
	assert_int_equal(seen.released, 1);
	record_run(owner, review_release(owner, &key, 1, &by, on_released, &seen));
	assert_int_equal(seen.released, 0);
	record_run(owner, review_list(owner, (struct job_key){0}, &s.job, 1, on_review, &seen));
	assert_false(seen.found);
	db_close(owner);
}

static const struct partition_days three_ahead = {3, 400}, four_ahead = {4, 400};

static void on_keep(void *ctx, enum err e, const struct partition_report *report)
{
	assert_int_equal(e, ERR_OK);
	*(struct partition_report *)ctx = *report;
}

/* promises: C16 */
static void test_days_are_made_ahead_once(void **state)
{
	struct db *db = record_open(getenv("LONGHAUL_TEST_PG"), "longhaul_scheduler");
	struct partition_report report;

	(void)state;
	record_run(db, partition_keep(db, &four_ahead, on_keep, &report));
	record_run(db, partition_keep(db, &four_ahead, on_keep, &report));
	assert_int_equal(report.made, 0);
	assert_int_equal(retention_for(86400), 0);
	assert_int_equal(retention_for(86401), 1);
	assert_int_equal(retention_for(1LL << 40), 4);
	db_close(db);
}

static void on_count(void *ctx, enum err e, const struct db_reply *reply)
{
	assert_int_equal(e, ERR_OK);
	*(int64_t *)ctx = db_int(db_reply_rows(reply, 0), 0, 0);
}

static int64_t days_old(struct db *owner)
{
	static const struct db_stmt stmt = {.name = "test_days",
		.sql = "select count(*) from pg_class where relname ~ '_r[01]_'"
		       " and right(relname, 8) = to_char(current_date - 20, 'YYYYMMDD') and relkind = 'r'",
		.reads = true};
	int64_t n = -1;

	assert_int_equal(db_begin(owner, NULL, 0), ERR_OK);
	db_query(owner, &stmt, NULL);
	db_commit(owner, on_count, &n);
	assert_int_equal(db_wait(owner, RECORD_WAIT_MS), ERR_OK);
	return n;
}

/* promises: C16 */
static void test_a_day_is_dropped_when_over_and_no_job_of_it_lives_or_just_ended(void **state)
{
	/* Two classes' day twenty days ago; in class 0 a job of that day is still ready. */
	static const char old[] =
		"do $$ declare d date := current_date - 20; p text; c text; begin"
		" foreach p in array array['job_input','job_match','job_result','job_event','attempt',"
		"  'job_done'] loop foreach c in array array['_r0', '_r1'] loop"
		"  perform partition_make(p || c, d, id_floor(d::timestamptz)::text,"
		"   id_floor((d + 1)::timestamptz)::text); end loop; end loop;"
		" insert into job_ready (tenant_id, queue_id, rank, job_id)"
		" values (id_make(), -1, 0, id_floor(d::timestamptz + interval '1 hour')); end $$";
	static const char freed[] = "delete from job_ready where queue_id = -1";
	/* Scheduled for long: it ended just now. */
	static const char ended[] =
		"insert into job_done (retention, tenant_id, job_id, fence, event_seq, queue_id, state)"
		" values (0, id_make(), id_floor((current_date - 20)::timestamptz + interval '1 hour'),"
		"  1, 1, -1, 'completed')";
	static const char over[] =
		"update job_done set finished_at = now() - interval '25 hours' where queue_id = -1";
	struct db *owner = owner_open();
	struct db *db = record_open(getenv("LONGHAUL_TEST_PG"), "longhaul_scheduler");
	struct partition_report report;

	(void)state;
	assert_int_equal(db_script(owner, old, RECORD_WAIT_MS), ERR_OK);
	assert_int_equal(days_old(owner), 12);
	record_run(db, partition_keep(db, &three_ahead, on_keep, &report));
	assert_int_equal(report.dropped, 1);
	assert_int_equal(days_old(owner), 6);
	assert_int_equal(db_script(owner, ended, RECORD_WAIT_MS), ERR_OK);
	assert_int_equal(db_script(owner, freed, RECORD_WAIT_MS), ERR_OK);
	record_run(db, partition_keep(db, &three_ahead, on_keep, &report));
	assert_int_equal(report.dropped, 0);
	assert_int_equal(days_old(owner), 6);
	assert_int_equal(db_script(owner, over, RECORD_WAIT_MS), ERR_OK);
	record_run(db, partition_keep(db, &three_ahead, on_keep, &report));
	assert_int_equal(report.dropped, 1);
	assert_int_equal(days_old(owner), 0);
	db_close(owner);
	db_close(db);
}

static int64_t audit_days_kept(struct db *owner)
{
	static const struct db_stmt stmt = {.name = "test_audit_days",
		.sql = "select count(*) from pg_class where relkind = 'r' and relname = any(array["
		       "'audit_' || to_char(current_date - 900, 'YYYYMMDD'),"
		       " 'audit_' || to_char(current_date - 901, 'YYYYMMDD'),"
		       " 'audit_' || to_char(current_date, 'YYYYMMDD')])",
		.reads = true};
	int64_t n = -1;

	assert_int_equal(db_begin(owner, NULL, 0), ERR_OK);
	db_query(owner, &stmt, NULL);
	db_commit(owner, on_count, &n);
	assert_int_equal(db_wait(owner, RECORD_WAIT_MS), ERR_OK);
	return n;
}

/* promises: S1.12 */
static void test_a_day_of_audit_rows_is_dropped_when_it_was_kept_as_long_as_asked(void **state)
{
	static const char old[] =
		"do $$ declare d date; begin foreach d in array array[current_date - 900,"
		" current_date - 901] loop perform partition_make('audit', d, d::timestamptz::text,"
		" (d + 1)::timestamptz::text); end loop; end $$";
	const struct partition_days kept = {3, 900}, over = {3, 899};
	struct db *owner = owner_open();
	struct db *db = record_open(getenv("LONGHAUL_TEST_PG"), "longhaul_scheduler");
	struct partition_report report;

	(void)state;
	assert_int_equal(db_script(owner, old, RECORD_WAIT_MS), ERR_OK);
	record_run(db, partition_keep(db, &kept, on_keep, &report));
	assert_int_equal(audit_days_kept(owner), 2);
	assert_int_equal(report.dropped, 1);
	record_run(db, partition_keep(db, &over, on_keep, &report));
	assert_int_equal(audit_days_kept(owner), 1);
	record_run(db, partition_keep(db, &over, on_keep, &report));
	assert_int_equal(report.dropped, 0);
	db_close(owner);
	db_close(db);
}

static struct api_key key_seen;
static void on_key(void *ctx, enum err e, const struct api_key *keys, size_t n)
{
	*(enum err *)ctx = e;
	memset(&key_seen, 0, sizeof(key_seen));
	if (n > 0)
		key_seen = keys[0];
}

/* promises: C1 */
static void test_a_key_is_found_by_its_hash_until_revoked(void **state)
{
	struct db *db = record_open(getenv("LONGHAUL_TEST_PG"), "longhaul_producer");
	struct api_key key = {.id = id_new(0), .tenant = record_tenant(db), .name = "ci"};
	enum err e = ERR_INTERNAL;

	(void)state;
	digest_random(key.hash, sizeof(key.hash));
	record_run(db, api_key_insert(db, &key, 0, &record_actor, on_key, &e));
	assert_int_equal(e, ERR_OK);
	record_run(db, api_key_find(db, key.hash, on_key, &e));
	assert_int_equal(e, ERR_OK);
	assert_true(id_equal(key_seen.tenant, key.tenant));
	record_run(db, api_key_touch(db, &key.id, 1, record_ok, NULL));
	record_run(db, api_key_list(db, key.tenant, (struct id){{0}}, 10, on_key, &e));
	assert_true(key_seen.last_used_ms > 0);
	record_run(db, api_key_revoke(db, record_tenant(db), key.id, &record_actor, on_key, &e));
	assert_int_equal(e, ERR_NOT_FOUND);
	record_run(db, api_key_get(db, key.tenant, key.id, on_key, &e));
	assert_true(id_equal(key_seen.id, key.id) && key_seen.revoked_ms == 0);
	record_run(db, api_key_revoke(db, AUDIT_SYSTEM_TENANT, key.id, &record_actor, on_key, &e));
	assert_int_equal(e, ERR_OK);
	assert_true(key_seen.revoked_ms > 0);
	record_run(db, api_key_find(db, key.hash, on_key, &e));
	assert_true(id_is_zero(key_seen.id));
	record_run(
		db, api_key_revoke(db, AUDIT_SYSTEM_TENANT, id_new(0), &record_actor, on_key, &e));
	assert_int_equal(e, ERR_NOT_FOUND);
	db_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_migrating_again_changes_nothing),
		cmocka_unit_test(test_a_changed_file_is_refused_by_name),
		cmocka_unit_test(test_a_database_newer_than_the_program_is_refused),
		cmocka_unit_test(test_the_epoch_is_pinned_once),
		cmocka_unit_test_setup_teardown(
			test_another_history_ends_every_lease_and_lifts_the_fences,
			record_world_open, record_world_close),
		cmocka_unit_test_setup_teardown(
			test_a_history_that_was_given_up_shares_no_fence_with_the_next,
			record_world_open, record_world_close),
		cmocka_unit_test_setup_teardown(
			test_what_ran_when_a_history_ended_waits_for_one_word, record_world_open,
			record_world_close),
		cmocka_unit_test(test_days_are_made_ahead_once),
		cmocka_unit_test(
			test_a_day_is_dropped_when_over_and_no_job_of_it_lives_or_just_ended),
		cmocka_unit_test(
			test_a_day_of_audit_rows_is_dropped_when_it_was_kept_as_long_as_asked),
		cmocka_unit_test(test_a_key_is_found_by_its_hash_until_revoked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
