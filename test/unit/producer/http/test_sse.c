/* A stream's bytes come whole and in their order, however they are written and read. */
#include "http/sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STREAM_MAX = 64 << 10, EVENTS = 2000, DATA_MAX = 120 };

/* What was written, and where the reader stands in it. */
struct written {
	struct buf text;
	size_t read;
};

static size_t data_of(int n, char out[DATA_MAX])
{
	const size_t len = (size_t)(n * 37 % DATA_MAX);

	memset(out, 'a' + n % 26, len);
	return len;
}

static void event_write(struct sse *s, struct written *w, int n)
{
	char data[DATA_MAX];
	const size_t len = data_of(n, data);

	assert_true(sse_event(s, n, "job.delta", data, len));
	(void)buf_printf(&w->text, "id: %d\nevent: job.delta\ndata: %.*s\n\n", n, (int)len, data);
}

/* Up to n bytes, where so many wait. */
static void some_read(struct sse *s, struct written *w, size_t n)
{
	char out[STREAM_MAX];
	const size_t waits = w->text.len - w->read;
	ssize_t got;

	if (waits == 0)
		return;
	got = sse_read(s, out, n);
	assert_int_equal(got, n < waits ? n : waits);
	assert_memory_equal(out, w->text.bytes + w->read, (size_t)got);
	w->read += (size_t)got;
}

/* A client that keeps thousands of bytes behind, then one that catches up now and then. */
static void test_a_slow_reader_gets_all_of_it(void **state)
{
	struct written w = {.read = 0};
	struct sse *s;

	buf_init(&w.text, 1 << 20);
	assert_int_equal(sse_new(STREAM_MAX, &s), ERR_OK);
	for (int n = 0; n < EVENTS; n++) {
		event_write(s, &w, n);
		some_read(s, &w, n < EVENTS / 2 ? 40 + (size_t)n % 61 : (size_t)n % 200);
		if (n % 100 == 99)
			some_read(s, &w, STREAM_MAX / 2);
	}
	some_read(s, &w, STREAM_MAX);
	assert_int_equal(w.read, w.text.len);
	buf_clear(&w.text);
	sse_release(s);
}

/* What was sent and not moved yet is a small part of what may wait. */
static void test_a_reader_far_behind_keeps_the_stream_and_one_beyond_its_room_loses_it(void **state)
{
	char data[1000];
	char out[STREAM_MAX / 32];
	struct sse *s;
	int n = 0;

	memset(data, 'x', sizeof data);
	assert_int_equal(sse_new(STREAM_MAX, &s), ERR_OK);
	while (n < STREAM_MAX * 7 / 8 / 1040)
		assert_true(sse_event(s, n++, "e", data, sizeof data));
	for (int i = 0; i < 100; i++) {
		assert_int_equal(sse_read(s, out, sizeof out), sizeof out);
		assert_true(sse_event(s, n++, "e", data, sizeof data));
		assert_true(sse_event(s, n++, "e", data, sizeof data));
	}
	while (sse_event(s, n++, "e", data, sizeof data))
		assert_true(n < 10000);
	assert_true(sse_is_over(s));
	sse_release(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_slow_reader_gets_all_of_it),
		cmocka_unit_test(
			test_a_reader_far_behind_keeps_the_stream_and_one_beyond_its_room_loses_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
