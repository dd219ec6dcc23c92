/* The HTTP reader takes what our clients send, in any pieces, and refuses the rest. */
#include "simulator/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char good[] = "POST /v1/chat/completions?job=a&b=c HTTP/1.1\r\nHost: x\r\n"
			   "content-length: 5\r\nX-Client-Request-Id:  job_1 \r\n"
			   "X-Longhaul-Attempt: 3\r\n\r\nhelloGET /";

static void a_request_is_ready_with_its_last_byte(void **state)
{
	size_t whole = sizeof(good) - 1 - 5;
	struct request r;

	for (size_t len = 0; len < whole; len++)
		assert_int_equal(request_read(good, len, &r), REQUEST_MORE);
	assert_int_equal(request_read(good, sizeof(good) - 1, &r), REQUEST_READY);
	assert_int_equal(r.total, whole);
	assert_true(slice_is(r.method, "POST") && slice_is(r.path, "/v1/chat/completions"));
	assert_true(slice_is(r.job, "job_1") && slice_is(r.body, "hello"));
	assert_true(slice_is(slice_query(r.query, "b"), "c"));
	assert_int_equal(slice_query(r.query, "z").len, 0);
	assert_int_equal(r.attempt, 3);
	assert_false(r.close);
}

static void what_is_ambiguous_is_refused(void **state)
{
	static const char *const wrong[] = {
		"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
		"POST / HTTP/1.1\nHost: x\r\n\r\n",
		"POST / HTTP/1.1\r\nHost : x\r\n\r\n",
		"POST / HTTP/1.1\r\n: x\r\n\r\n",
		"POST / HTTP/2\r\n\r\n",
		"POST HTTP/1.1\r\n\r\n",
		"\r\n\r\n",
	};
	struct request r;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(request_read(wrong[i], strlen(wrong[i]), &r), REQUEST_BAD);
}

static void a_head_without_end_is_refused_at_its_limit(void **state)
{
	static char bytes[REQUEST_HEAD_MAX + 1];
	struct request r;

	memset(bytes, 'a', sizeof(bytes));
	assert_int_equal(request_read(bytes, REQUEST_HEAD_MAX, &r), REQUEST_MORE);
	assert_int_equal(request_read(bytes, REQUEST_HEAD_MAX + 1, &r), REQUEST_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_ready_with_its_last_byte),
		cmocka_unit_test(what_is_ambiguous_is_refused),
		cmocka_unit_test(a_head_without_end_is_refused_at_its_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
