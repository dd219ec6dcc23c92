/* A stream's bytes come whole and in their order, however they are written and read. */
#include "http/sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STREAM_MAX = 64 << 10, EVENTS = 2000, DATA_MAX = 120 };
enum { ALL_MAX = 4 << 20, TENANT_MAX = 1 << 20 };

static const struct id TENANT = {{[15] = 1}}, OTHER = {{[15] = 2}};

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

static struct sse *stream_new(struct shares *held, struct id tenant, size_t max)
{
	const struct sse_options options = {.bytes_max = max,
		.held = held,
		.tenant = tenant,
		.bounds = {{[SHARE_ALL] = ALL_MAX, [SHARE_TENANT] = TENANT_MAX}}};
	struct sse *s;

	assert_int_equal(sse_new(&options, &s), ERR_OK);
	return s;
}

/* A client that keeps thousands of bytes behind, then one that catches up now and then. */
static void test_a_slow_reader_gets_all_of_it(void **state)
{
	static struct shares held;
	struct written w = {.read = 0};
	struct sse *s;

	buf_init(&w.text, 1 << 20);
	s = stream_new(&held, TENANT, STREAM_MAX);
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
	static struct shares held;
	char data[1000];
	char out[STREAM_MAX / 32];
	struct sse *s;
	int n = 0;

	memset(data, 'x', sizeof data);
	s = stream_new(&held, TENANT, STREAM_MAX);
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

/* Until it is full, or refused. */
static size_t fill(struct sse *s, size_t bytes)
{
	static const char data[1000];
	size_t n = 0;

	while (n < bytes && sse_event(s, 1, "e", data, sizeof data))
		n += sizeof data;
	return n;
}

static void take_all(struct sse *s, const struct shares *held)
{
	char out[4096];

	while (held->all > 0)
		assert_true(sse_read(s, out, sizeof out) > 0);
}

/* promises: C12 */
static void test_what_waits_is_counted_until_it_is_read(void **state)
{
	static struct shares held;
	struct sse *s = stream_new(&held, TENANT, TENANT_MAX);

	assert_true(fill(s, STREAM_MAX / 4) >= STREAM_MAX / 4);
	assert_int_equal(held.all, 0); /* not worth counting */
	(void)fill(s, TENANT_MAX / 2);
	assert_true(held.all >= TENANT_MAX / 2 && held.all <= TENANT_MAX);
	take_all(s, &held);
	(void)fill(s, TENANT_MAX / 2);
	sse_release(s);
	assert_int_equal(held.all, 0);
}

/* promises: C12 */
static void test_a_stream_beyond_its_tenants_share_ends_and_holds_nothing(void **state)
{
	static struct shares held;
	struct sse *one = stream_new(&held, TENANT, TENANT_MAX);
	struct sse *two = stream_new(&held, TENANT, TENANT_MAX);
	struct sse *other = stream_new(&held, OTHER, TENANT_MAX);
	size_t ones;

	(void)fill(one, TENANT_MAX / 2);
	ones = held.all;
	assert_true(fill(two, TENANT_MAX) < TENANT_MAX);
	assert_true(sse_is_over(two));
	assert_int_equal(held.all, ones);
	assert_int_equal(held.refused[SHARE_TENANT], 1);
	assert_true(fill(other, TENANT_MAX / 2) >= TENANT_MAX / 2);
	assert_false(sse_is_over(one));
	sse_release(one);
	sse_release(two);
	sse_release(other);
	assert_int_equal(held.all, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_slow_reader_gets_all_of_it),
		cmocka_unit_test(
			test_a_reader_far_behind_keeps_the_stream_and_one_beyond_its_room_loses_it),
		cmocka_unit_test(test_what_waits_is_counted_until_it_is_read),
		cmocka_unit_test(test_a_stream_beyond_its_tenants_share_ends_and_holds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
