/* Events of a stream are the same however its bytes were cut. */
#include "upstreams/sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static enum err collect(void *owner, const char *data, size_t len)
{
	buf_char(owner, '[');
	buf_append(owner, data, len);
	return buf_char(owner, ']');
}

static void feed_pieces(const char *text, size_t len, size_t piece, const char *expect)
{
	struct sse s;
	struct buf heard;

	sse_init(&s, 1000);
	buf_init(&heard, 10000);
	for (size_t at = 0; at < len; at += piece) {
		const size_t n = len - at < piece ? len - at : piece;

		assert_int_equal(sse_feed(&s, text + at, n, collect, &heard), ERR_OK);
	}
	assert_string_equal(heard.bytes ? heard.bytes : "", expect);
	buf_clear(&heard);
	sse_clear(&s);
}

static void expect_events(const char *text, const char *expect)
{
	for (size_t piece = 1; piece <= strlen(text) + 1; piece++)
		feed_pieces(text, strlen(text), piece, expect);
}

/* promises: C14 */
static void test_every_chunking_gives_the_same_events(void **state)
{
	expect_events("data: one\n\ndata: two\n\n", "[one][two]");
	expect_events("data: a\r\n\r\ndata:b\r\rdata: c\n\n", "[a][b][c]");
	expect_events(": comment\nevent: x\nid: 7\ndata: {\ndata: }\n\n", "[{\n}]");
	expect_events("\xef\xbb\xbf"
		      "data: bom\n\n",
		"[bom]");
}

static void test_what_is_no_data_is_no_event(void **state)
{
	expect_events("event: ping\n\n\n\nretry: 3\n\n", "");
	expect_events("datum: x\n\ndata\n\n", "[]");
	expect_events("data: no end", "");
	expect_events("data: half\n", "");
}

static void test_an_event_over_the_limit_is_refused(void **state)
{
	struct sse s;
	struct buf heard;
	char line[64];

	memset(line, 'x', sizeof(line));
	sse_init(&s, 100);
	buf_init(&heard, 10000);
	assert_int_equal(sse_feed(&s, line, sizeof(line), collect, &heard), ERR_OK);
	assert_int_equal(sse_feed(&s, line, sizeof(line), collect, &heard), ERR_TOO_LARGE);
	sse_clear(&s);
	buf_clear(&heard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_chunking_gives_the_same_events),
		cmocka_unit_test(test_what_is_no_data_is_no_event),
		cmocka_unit_test(test_an_event_over_the_limit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
