/* A job's life told in order, and its time booked where it went. */
#include "story.h"

#include "ground/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define AT(seconds) "2026-01-01T00:00:" seconds "Z"

/* A retry: 2 ms to accept, 98 ms in the queue, a call that failed after 400 ms, a pause of 4 s and
 * 500 ms in the queue again, then 1.5 s of an answer. */
static const char retried[] = "{\"state\":\"completed\",\"max_attempts\":5,\"created_at\":\"" AT(
	"00.000") "\","
		  "\"finished_at\":\"" AT(
			  "06.500") "\",\"timings_ms\":{\"accept\":2,\"queue\":500},"
				    "\"attempts\":["
				    "{\"number\":1,\"state\":\"waiting\",\"waiting_for\":\"retry\",\"ended_by\":\"holder\","
				    "\"worker\":\"wrk_a\",\"upstream\":\"primary\",\"model\":\"m\",\"status\":503,"
				    "\"error\":{\"code\":\"upstream_unavailable\",\"message\":\"x\"},"
				    "\"started_at\":\"" AT("00.100") "\",\"finished_at\":\"" AT(
					    "00.500") "\","
						      "\"timings_ms\":{\"admit\":50,\"first_byte\":300,\"stream\":10,\"finish\":5}},"
						      "{\"number\":2,\"state\":\"completed\",\"ended_by\":\"holder\",\"error\":null,"
						      "\"upstream\":\"primary\",\"usage\":{\"output_tokens\":9},"
						      "\"started_at\":\"" AT("05.000") "\",\"finished_at\":\"" AT(
							      "06.500") "\","
									"\"timings_ms\":{\"admit\":0,\"first_byte\":200,\"stream\":1200,\"finish\":3}}]}";

static struct story made(const char *text, const char *now)
{
	json_t *job = json_loads(text, 0, NULL);
	struct story story;
	int64_t now_ms;

	assert_non_null(job);
	assert_int_equal(clock_parse(now, &now_ms), 0);
	assert_int_equal(story_make(job, now_ms, &story), ERR_OK);
	json_decref(job);
	return story;
}

static int64_t share(const struct story *story, const char *stage)
{
	const json_t *one;
	size_t i;

	json_array_foreach(story->shares, i, one)
	{
		if (strcmp(json_string_value(json_object_get(one, "stage")), stage) == 0)
			return json_integer_value(json_object_get(one, "ms"));
	}
	return 0;
}

static const json_t *line(const struct story *story, size_t i, const char *event)
{
	const json_t *one = json_array_get(story->lines, i);

	assert_string_equal(json_string_value(json_object_get(one, "event")), event);
	return one;
}

static const char *text(const json_t *object, const char *member)
{
	return json_string_value(json_object_get(object, member));
}

/* promises: S1.9 */
static void test_a_retry_is_told_in_order_with_its_reason(void **state)
{
	struct story story = made(retried, AT("09.000"));
	const json_t *end;

	line(&story, 0, "accepted");
	assert_string_equal(text(line(&story, 1, "claimed"), "worker"), "wrk_a");
	assert_string_equal(text(line(&story, 2, "called"), "at"), AT("00.150"));
	assert_string_equal(text(line(&story, 3, "first_byte"), "at"), AT("00.450"));
	end = line(&story, 4, "ended");
	assert_string_equal(text(end, "state"), "waiting");
	assert_string_equal(text(end, "reason"), "such an error may pass: it is tried again");
	assert_string_equal(text(line(&story, 5, "claimed"), "waited_for"), "retry");
	line(&story, 6, "called");
	line(&story, 7, "first_byte");
	line(&story, 8, "ended");
	line(&story, 9, "completed");
	assert_int_equal(json_array_size(story.lines), 10);
	story_clear(&story);
}

/* promises: S1.9 */
static void test_every_millisecond_is_booked_once(void **state)
{
	struct story story = made(retried, AT("09.000"));

	assert_int_equal(share(&story, "accept"), 2);
	assert_int_equal(share(&story, "queue"), 98 + 500);
	assert_int_equal(share(&story, "retry"), 4000);
	assert_int_equal(share(&story, "admit"), 50);
	assert_int_equal(share(&story, "first_byte"), 300 + 200);
	assert_int_equal(share(&story, "stream"), 10 + 1200);
	assert_int_equal(share(&story, "finish"), 5 + 3);
	assert_int_equal(share(&story, "held"), 35 + 97);
	assert_int_equal(story.life_ms, 6500);
	story_clear(&story);
}

/* promises: S1.9 */
static void test_a_dead_workers_attempt_is_lost_time(void **state)
{
	struct story story = made(
		"{\"state\":\"running\",\"created_at\":\"" AT(
			"00.000") "\","
				  "\"timings_ms\":{},\"attempts\":[{\"number\":1,\"state\":\"queued\",\"ended_by\":\"reaper\","
				  "\"error\":{\"code\":\"interrupted\"},\"started_at\":\"" AT("01.000") "\",\"finished_at\":\"" AT(
					  "04.000") "\",\"timings_ms\":{}},{\"number\":1,\"state\":\"running\",\"started_at\":\"" AT("04.500") "\",\"finished_at\":null,\"timings_ms\":{\"admit\":null}}]}",
		AT("06.500"));

	assert_string_equal(text(line(&story, 2, "ended"), "reason"),
		"its worker is gone: another one takes it");
	line(&story, 3, "claimed");
	line(&story, 4, "running");
	assert_int_equal(share(&story, "lost"), 3000);
	assert_int_equal(share(&story, "queue"), 1000 + 500);
	assert_int_equal(share(&story, "running"), 2000);
	assert_int_equal(story.life_ms, 6500);
	story_clear(&story);
}

static void test_a_job_for_later_waits_for_its_time_first(void **state)
{
	struct story story = made(
		"{\"state\":\"completed\",\"created_at\":\"" AT(
			"00.000") "\","
				  "\"run_at\":\"" AT("03.000") "\",\"finished_at\":\"" AT(
					  "04.000") "\","
						    "\"attempts\":[{\"number\":1,\"state\":\"completed\",\"ended_by\":\"holder\",\"started_at\":\"" AT(
							    "03.250") "\",\"finished_at\":\"" AT("04.000") "\"}]}",
		AT("09.000"));

	assert_string_equal(text(line(&story, 1, "claimed"), "waited_for"), "run_at");
	assert_int_equal(share(&story, "run_at"), 3000);
	assert_int_equal(share(&story, "queue"), 250);
	assert_int_equal(share(&story, "held"), 750);
	story_clear(&story);
}

static void test_what_still_waits_has_waited_until_now(void **state)
{
	struct story story = made(
		"{\"state\":\"waiting\",\"waiting_for\":\"limit\",\"created_at\":\"" AT("00.000") "\",\"due_at\":\"" AT(
			"30.000") "\",\"attempts\":[{\"number\":1,"
				  "\"state\":\"waiting\",\"waiting_for\":\"limit\",\"ended_by\":\"holder\",\"started_at\":\"" AT(
					  "01.000") "\",\"finished_at\":\"" AT("02.000") "\"}]}",
		AT("12.000"));

	assert_string_equal(text(line(&story, 3, "waiting"), "due_at"), AT("30.000"));
	assert_int_equal(share(&story, "limit"), 10000);
	assert_int_equal(share(&story, "queue"), 1000);
	story_clear(&story);
}

static void test_why_an_attempt_was_the_last(void **state)
{
	static const struct {
		const char *attempt, *reason;
	} cases[] = {
		{"\"state\":\"failed\",\"number\":5,\"error\":{\"code\":\"upstream_error\"}",
			"its attempts are used up"},
		{"\"state\":\"failed\",\"number\":1,\"error\":{\"code\":\"upstream_rejected\"}",
			"such an error stays: another attempt would end the same"},
		{"\"state\":\"failed\",\"number\":1,\"error\":{\"code\":\"upstream_auth\"}",
			"no other key or upstream is there to try"},
		{"\"state\":\"failed\",\"number\":5,\"error\":{\"code\":\"upstream_quota\"}",
			"its attempts are used up"},
		{"\"state\":\"waiting\",\"waiting_for\":\"retry\",\"number\":1,"
		 "\"error\":{\"code\":\"upstream_quota\"}",
			"another key or upstream may do: it is tried again"},
		{"\"state\":\"failed\",\"number\":1,\"error\":{\"code\":\"upstream_error\"}",
			"no time was left before its deadline"},
		{"\"state\":\"cancelled\",\"number\":1,\"ended_by\":\"cancel\"",
			"somebody cancelled it"},
		{"\"state\":\"expired\",\"number\":1,\"error\":{\"code\":\"deadline\"}",
			"its deadline passed"},
		{"\"state\":\"failed\",\"number\":1,\"ended_by\":\"reaper\",\"error\":{\"code\":\"poison\"}",
			"it took its workers down"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct story story;
		char job[512];

		snprintf(job, sizeof(job),
			"{\"state\":\"failed\",\"max_attempts\":5,\"created_at\":\"" AT("00.000") "\",\"finished_at\":\"" AT(
				"02.000") "\",\"attempts\":[{%s,\"started_at\":\"" AT("01.000") "\",\"finished_at\":\"" AT("02.000") "\"}]}",
			cases[i].attempt);
		story = made(job, AT("09.000"));
		assert_string_equal(text(line(&story, 2, "ended"), "reason"), cases[i].reason);
		story_clear(&story);
	}
}

/* promises: S1.9 */
static void test_what_was_not_sent_is_no_call(void **state)
{
	struct story story = made(
		"{\"state\":\"completed\",\"created_at\":\"" AT("00.000") "\",\"finished_at\":\"" AT(
			"06.000") "\",\"attempts\":[{\"number\":1,\"state\":\"waiting\","
				  "\"waiting_for\":\"breaker\",\"ended_by\":\"holder\","
				  "\"upstream\":\"primary\",\"error\":{\"code\":\"upstream_blocked\","
				  "\"message\":\"x\"},\"started_at\":\"" AT("01.000") "\",\"finished_at\":\"" AT(
					  "02.000") "\"},{\"number\":1,\"state\":\"completed\","
						    "\"ended_by\":\"holder\",\"upstream\":\"second\","
						    "\"fallback\":true,\"started_at\":\"" AT(
							    "05.000") "\",\"finished_at\":\"" AT("06.000") "\"}]}",
		AT("09.000"));
	const json_t *refused = line(&story, 2, "not_called"), *called;

	assert_string_equal(text(json_object_get(refused, "error"), "code"), "upstream_blocked");
	assert_string_equal(text(line(&story, 3, "ended"), "reason"),
		"nothing was sent: the attempt does not count");
	assert_true(json_is_true(json_object_get(line(&story, 4, "claimed"), "again")));
	called = line(&story, 5, "called");
	assert_string_equal(text(called, "instead_of_upstream"), "primary");
	assert_true(json_is_true(json_object_get(called, "fallback")));
	assert_int_equal(share(&story, "admit"), 1000);
	story_clear(&story);
}

/* promises: S1.9 */
static void test_silence_before_the_first_byte_is_the_models(void **state)
{
	struct story story = made(
		"{\"state\":\"failed\",\"created_at\":\"" AT("00.000") "\",\"finished_at\":\"" AT(
			"05.000") "\",\"attempts\":[{\"number\":1,\"state\":\"failed\","
				  "\"waiting_for\":\"retry\",\"ended_by\":\"holder\","
				  "\"upstream\":\"primary\",\"error\":{\"code\":\"upstream_first_byte\"},"
				  "\"started_at\":\"" AT("01.000") "\",\"finished_at\":\"" AT(
					  "05.000") "\",\"timings_ms\":{\"admit\":0,\"first_byte\":null}}]}",
		AT("09.000"));

	assert_int_equal(share(&story, "first_byte"), 4000);
	assert_int_equal(share(&story, "held"), 0);
	assert_null(text(line(&story, 3, "ended"), "waiting_for"));
	story_clear(&story);
}

/* promises: S1.9 */
static void test_what_was_sent_again_is_told_and_its_rest_is_nobodys_wait(void **state)
{
	struct story story = made(
		"{\"state\":\"completed\",\"max_attempts\":1,\"created_at\":\"" AT("00.000") "\",\"finished_at\":\"" AT("09.000") "\",\"deadline_at\":\"" AT(
			"59.000") "\",\"timings_ms\":{\"queue\":500},"
				  "\"attempts\":[{\"number\":1,\"state\":\"failed\",\"ended_by\":\"holder\","
				  "\"started_at\":\"" AT("00.000") "\",\"finished_at\":\"" AT(
					  "01.000") "\"},{\"number\":1,\"state\":\"completed\",\"ended_by\":\"holder\","
						    "\"started_at\":\"" AT("08.500") "\",\"finished_at\":\"" AT(
							    "09.000") "\"}]}",
		AT("09.000"));
	const json_t *again = line(&story, 3, "sent_again");

	assert_string_equal(text(again, "at"), AT("08.000"));
	assert_string_equal(text(again, "deadline_at"), AT("59.000"));
	assert_null(json_object_get(line(&story, 4, "claimed"), "again"));
	assert_int_equal(share(&story, "over"), 7000);
	assert_int_equal(share(&story, "queue"), 500);
	story_clear(&story);
}

/* promises: S1.9 */
static void test_what_runs_is_told_as_far_as_its_worker_told_it(void **state)
{
#define RUNNING(more)                                                                            \
	"{\"state\":\"running\",\"created_at\":\"" AT(                                           \
		"00.000") "\",\"attempts\":[{\"number\":1,\"state\":\"running\",\"upstream\":"   \
			  "\"beta\",\"key\":\"team-a\",\"started_at\":\"" AT("01.000") "\"" more \
										       "}]}"
	struct story story = made(
		RUNNING(",\"held_by\":\"tokens\",\"since\":\"" AT("01.000") "\""), AT("31.000"));
	const json_t *told = line(&story, 2, "held_back");

	assert_string_equal(text(told, "upstream"), "beta");
	assert_string_equal(text(told, "held_by"), "tokens");
	assert_int_equal(json_integer_value(json_object_get(told, "for_ms")), 30000);
	assert_int_equal(share(&story, "limit"), 30000);
	story_clear(&story);
	story = made(RUNNING(",\"held_by\":null,\"since\":\"" AT("02.000") "\""), AT("31.000"));
	told = line(&story, 2, "called");
	assert_string_equal(text(told, "key"), "team-a");
	assert_string_equal(text(told, "at"), AT("02.000"));
	assert_int_equal(json_integer_value(json_object_get(told, "for_ms")), 29000);
	assert_int_equal(share(&story, "running"), 30000);
	story_clear(&story);
	story = made(RUNNING(""), AT("31.000"));
	line(&story, 2, "running");
	story_clear(&story);
#undef RUNNING
}

/* promises: S1.9 */
static void test_time_goes_to_the_limit_that_was_waited_for(void **state)
{
#define ENDED(more)                                                                           \
	"{\"state\":\"cancelled\",\"created_at\":\"" AT("00.000") "\",\"finished_at\":\"" AT( \
		"09.000") "\",\"attempts\":[{\"number\":1,"                                   \
			  "\"state\":\"cancelled\",\"started_at\":\"" AT(                     \
				  "01.000") "\",\"finished_at\":\"" AT("09.000") "\"," more "}]}"
	static const struct {
		const char *job, *stage;
		int64_t ms;
	} rows[] = {
		{ENDED("\"ended_by\":\"cancel\",\"upstream\":\"beta\""), "cut", 8000},
		{ENDED("\"ended_by\":\"cancel\",\"held_by\":\"breaker\""), "breaker", 8000},
		{ENDED("\"ended_by\":\"reaper\""), "lost", 8000},
		{ENDED("\"ended_by\":\"holder\",\"upstream\":\"beta\",\"held_by\":\"requests\","
		       "\"timings_ms\":{\"admit\":3500}"),
			"limit", 3500},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct story story = made(rows[i].job, AT("09.000"));

		if (share(&story, rows[i].stage) != rows[i].ms)
			fail_msg(
				"%s: %lld", rows[i].stage, (long long)share(&story, rows[i].stage));
		story_clear(&story);
	}
#undef ENDED
}

static void test_what_is_no_job_is_refused(void **state)
{
	json_t *other = json_object();
	struct story story;

	assert_int_equal(story_make(other, 1, &story), ERR_INVALID_FIELD);
	json_decref(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_retry_is_told_in_order_with_its_reason),
		cmocka_unit_test(test_every_millisecond_is_booked_once),
		cmocka_unit_test(test_a_dead_workers_attempt_is_lost_time),
		cmocka_unit_test(test_a_job_for_later_waits_for_its_time_first),
		cmocka_unit_test(test_what_still_waits_has_waited_until_now),
		cmocka_unit_test(test_why_an_attempt_was_the_last),
		cmocka_unit_test(test_what_was_not_sent_is_no_call),
		cmocka_unit_test(test_silence_before_the_first_byte_is_the_models),
		cmocka_unit_test(test_what_was_sent_again_is_told_and_its_rest_is_nobodys_wait),
		cmocka_unit_test(test_what_runs_is_told_as_far_as_its_worker_told_it),
		cmocka_unit_test(test_time_goes_to_the_limit_that_was_waited_for),
		cmocka_unit_test(test_what_is_no_job_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
