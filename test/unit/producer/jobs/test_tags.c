/* Tags, numbers and names that a reader sends back to us. */
#include "jobs/events_call.h"
#include "jobs/expand.h"
#include "jobs/job_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

/* promises: C2 */
static void a_tag_changes_with_version_and_state(void **state)
{
	struct job_row row = {.version = 3, .state = JOB_RUNNING};
	char one[JOB_ETAG_MAX], two[JOB_ETAG_MAX];

	job_etag(&row, one);
	row.version++;
	job_etag(&row, two);
	assert_string_not_equal(one, two);
	assert_true(job_etag_matches(one, one));
	assert_false(job_etag_matches(one, two));
}

static void a_tag_is_found_in_a_list(void **state)
{
	assert_true(job_etag_matches("\"a\", W/\"b\" ,\"c\"", "\"b\""));
	assert_true(job_etag_matches("\"a\",\"b\"", "\"b\""));
	assert_true(job_etag_matches("*", "\"b\""));
	assert_false(job_etag_matches("\"bb\", \"a\"", "\"b\""));
	assert_false(job_etag_matches("\"b\"x", "\"b\""));
	assert_false(job_etag_matches("", "\"b\""));
	assert_false(job_etag_matches(NULL, "\"b\""));
}

/* promises: C2 */
static void last_event_id_is_a_number_of_ours(void **state)
{
	static const char *const bad[] = {
		"x", "-1", "1 2", "+1", "0x1", "1.5", "9999999999999999999"};
	int64_t after = 7;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(events_after_read(bad[i], &after));
	assert_int_equal(after, 7);
	assert_true(events_after_read("12", &after));
	assert_int_equal(after, 12);
	assert_true(events_after_read(NULL, &after));
	assert_int_equal(after, 0);
	assert_true(events_after_read("", &after));
}

static void members_are_named_exactly(void **state)
{
	struct problems p = {0};
	unsigned bits = 0;

	assert_true(expand_read("input,events", &bits, &p));
	assert_int_equal(bits, EXPAND_INPUT | EXPAND_EVENTS);
	assert_true(expand_read(NULL, &bits, &p));
	assert_int_equal(bits, 0);
	assert_false(expand_read("input,soul", &bits, &p));
	assert_false(expand_read("inp", &bits, &p));
	assert_false(expand_read(",", &bits, &p));
}

static void a_job_is_one_object_with_every_member(void **state)
{
	struct job_row row = {.kind = "noop", .queue = "default", .progress_percent = -1};
	struct problems p = {0};
	json_t *job = NULL;
	struct buf out;

	for (int i = 0; i < TIMINGS; i++)
		row.timings_ms[i] = -1;
	buf_init(&out, 1 << 16);
	job_json_write(&out, &row, NULL);
	assert_int_equal(json_read(out.bytes, out.len, 8, &p, &job), ERR_OK);
	assert_string_equal(json_string_value(json_object_get(job, "state")), "queued");
	assert_true(json_is_null(json_object_get(job, "result")));
	assert_true(json_is_null(json_object_get(job, "error")));
	assert_int_equal(json_object_size(json_object_get(job, "timings_ms")), TIMINGS);
	json_decref(job);
	buf_clear(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tag_changes_with_version_and_state),
		cmocka_unit_test(a_tag_is_found_in_a_list),
		cmocka_unit_test(last_event_id_is_a_number_of_ours),
		cmocka_unit_test(members_are_named_exactly),
		cmocka_unit_test(a_job_is_one_object_with_every_member),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
