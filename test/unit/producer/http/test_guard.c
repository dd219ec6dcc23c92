/* Guards: what a proxy and we might read in two ways is refused, by rule and by line end. */
#include "http/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

/* Cuts a raw head in place, as the library does: line ends and colons become NULs. */
static struct guard_head cut(char *raw, size_t len)
{
	struct guard_head head = {.target = "/v1/jobs"};
	char *end = raw + len;

	head.version = raw;
	for (char *line = raw; line < end;) {
		char *next = memchr(line, '\n', (size_t)(end - line));
		char *stop = next > line && next[-1] == '\r' ? next - 1 : next;

		memset(stop, 0, (size_t)(next + 1 - stop));
		if (!*line)
			break;
		if (line != raw) {
			char *colon = strchr(line, ':');

			*colon++ = '\0';
			colon += strspn(colon, " \t");
			head.headers[head.n++] = (struct guard_header){line, colon};
			head.total++;
		}
		line = next + 1;
	}
	return head;
}

#define CUT(text)          \
	char raw[] = text; \
	const struct guard_head head = cut(raw, sizeof raw - 1)

/* promises: C1 */
static void a_plain_head_passes(void **state)
{
	CUT("HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\nX-A:  b \r\n\r\n");

	assert_null(guard_fault(&head, true));
	assert_string_equal(guard_value(&head, "content-LENGTH"), "12");
	assert_null(guard_value(&head, "Missing"));
}

static void a_bare_line_feed_is_seen(void **state)
{
	CUT("HTTP/1.1\r\nHost: x\nX-A: b\r\n\r\n");

	assert_non_null(guard_fault(&head, true));
	assert_null(guard_fault(&head, false));
}

static void a_bare_line_feed_before_the_blank_line_is_seen(void **state)
{
	CUT("HTTP/1.1\r\nHost: x\r\nX-A: b\n\r\n{}");

	assert_non_null(guard_fault(&head, true));
}

static void a_bare_line_feed_as_the_blank_line_is_seen(void **state)
{
	CUT("HTTP/1.1\r\nHost: x\r\nX-A: b\r\n\n{}");

	assert_non_null(guard_fault(&head, true));
}

static void a_nul_in_a_value_is_seen(void **state)
{
	CUT("HTTP/1.1\r\nHost: x\r\nX-A: b\0c\r\nX-B: d\r\n\r\n");

	assert_non_null(guard_fault(&head, true));
}

/* promises: C1 */
static void ambiguous_framing_is_refused(void **state)
{
	static const struct guard_head heads[] = {
		{"/", "HTTP/1.1",
			{{"Host", "x"}, {"Content-Length", "2"}, {"Transfer-Encoding", "chunked"}},
			3, 3},
		{"/", "HTTP/1.1", {{"Host", "x"}, {"Content-Length", "2"}, {"Content-Length", "2"}},
			3, 3},
		{"/", "HTTP/1.1", {{"Host", "x"}, {"Content-Length", "+2"}}, 2, 2},
		{"/", "HTTP/1.1", {{"Host", "x"}, {"Content-Length", "2, 2"}}, 2, 2},
		{"/", "HTTP/1.1", {{"Host", "x"}, {"Content-Length", ""}}, 2, 2},
		{"/", "HTTP/1.1", {{"Host", "x"}, {"Content-Length", "99999999999999999999"}}, 2,
			2},
		{"/", "HTTP/1.1", {{"Host", "x"}, {"Transfer-Encoding", "gzip, chunked"}}, 2, 2},
		{"/", "HTTP/1.0", {{"Transfer-Encoding", "chunked"}}, 1, 1},
		{"/", "HTTP/1.1", {{"Host", "x"}, {"Content-Length ", "2"}}, 2, 2},
		{"/", "HTTP/1.1", {{"Host", "x"}, {"Host", "y"}}, 2, 2},
		{"/", "HTTP/1.1", {{"X-A", "b"}}, 1, 1},
		{"/", "HTTP/1.1", {{"Host", "x"}, {"X-A", "a\001b"}}, 2, 2},
		{"/", "HTTP/1.1", {{"Host", "x"}, {"Authorization", "a"}, {"Authorization", "b"}},
			3, 3},
		{"/a b", "HTTP/1.1", {{"Host", "x"}}, 1, 1},
		{"http://x/v1/jobs", "HTTP/1.1", {{"Host", "x"}}, 1, 1},
		{"x:80", "HTTP/1.1", {{"Host", "x"}}, 1, 1},
		{"*", "HTTP/1.1", {{"Host", "x"}}, 1, 1},
		{"", "HTTP/1.1", {{"Host", "x"}}, 1, 1},
		{"/", "HTTP/1.1", {{"Host", "x"}}, 1, GUARD_HEADERS_MAX + 1},
	};

	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
		assert_non_null(guard_fault(&heads[i], false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_head_passes),
		cmocka_unit_test(a_bare_line_feed_is_seen),
		cmocka_unit_test(a_bare_line_feed_before_the_blank_line_is_seen),
		cmocka_unit_test(a_bare_line_feed_as_the_blank_line_is_seen),
		cmocka_unit_test(a_nul_in_a_value_is_seen),
		cmocka_unit_test(ambiguous_framing_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
