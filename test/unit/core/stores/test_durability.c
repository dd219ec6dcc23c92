/* What "committed" means on the database of the tests (LONGHAUL_TEST_PG). */
#include "stores/durability.h"
#include "unit/core/stores/record_world.h"

struct seen {
	enum err err;
	size_t times;
	bool durable;
	char standbys[64], version[64];
};

static void on_read(void *ctx, enum err e, const struct durability *d)
{
	struct seen *seen = ctx;

	seen->err = e;
	seen->times++;
	if (e != ERR_OK)
		return;
	seen->durable = d->fsync && d->full_page_writes && d->synchronous_commit;
	snprintf(seen->standbys, sizeof(seen->standbys), "%s", d->standbys);
	snprintf(seen->version, sizeof(seen->version), "%s", d->version);
}

/* promises: C16 */
static void test_every_role_may_ask_what_a_commit_means(void **state)
{
	static const char *const roles[] = {
		"longhaul_owner", "longhaul_producer", "longhaul_worker", "longhaul_scheduler"};

	(void)state;
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		struct db *db = record_open(getenv("LONGHAUL_TEST_PG"), roles[i]);
		struct seen seen = {.times = 0};
		struct db_origin origin;

		record_run(db, durability_read(db, on_read, &seen));
		assert_int_equal(seen.err, ERR_OK);
		assert_int_equal(seen.times, 1);
		assert_true(seen.durable);
		assert_string_equal(seen.standbys, "");
		assert_true(seen.version[0] >= '1' && seen.version[0] <= '9');
		db_origin_read(db, &origin);
		assert_false(origin.pooled);
		db_close(db);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_role_may_ask_what_a_commit_means),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
