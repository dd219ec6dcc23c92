/* Events of a stream are the same however its bytes were cut. */
#include "domain/sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct heard {
	struct sse sse;
	struct buf text; /* [id|name|data] of each */
	size_t n;
	enum err answer;
};

static enum err hear(void *owner, const char *data, size_t len)
{
	struct heard *heard = owner;

	heard->n++;
	buf_printf(
		&heard->text, "[%s|%s|%.*s]", heard->sse.id, sse_name(&heard->sse), (int)len, data);
	return heard->answer;
}

static void heard_init(struct heard *heard, size_t max)
{
	*heard = (struct heard){.n = 0};
	sse_init(&heard->sse, max);
	buf_init(&heard->text, 10000);
}

static void heard_clear(struct heard *heard)
{
	sse_clear(&heard->sse);
	buf_clear(&heard->text);
}

static enum err feed(struct heard *heard, const char *text, size_t len)
{
	return sse_feed(&heard->sse, text, len, hear, heard);
}

static const char *text_of(const struct heard *heard)
{
	return heard->text.bytes ? heard->text.bytes : "";
}

static void expect_events(const char *text, const char *expect)
{
	const size_t len = strlen(text);

	for (size_t piece = 1; piece <= len + 1; piece++) {
		struct heard heard;

		heard_init(&heard, 1000);
		for (size_t at = 0; at < len; at += piece)
			assert_int_equal(
				feed(&heard, text + at, len - at < piece ? len - at : piece),
				ERR_OK);
		assert_string_equal(text_of(&heard), expect);
		heard_clear(&heard);
	}
}

/* promises: C14 */
static void test_every_chunking_gives_the_same_events(void **state)
{
	expect_events("data: one\n\ndata: two\n\n", "[|message|one][|message|two]");
	expect_events(
		"data: a\r\n\r\ndata:b\r\rdata: c\n\n", "[|message|a][|message|b][|message|c]");
	expect_events(": comment\nevent: x\nid: 7\ndata: {\ndata: }\n\n", "[7|x|{\n}]");
	expect_events("\xef\xbb\xbf"
		      "data: bom\n\n",
		"[|message|bom]");
}

/* promises: C2 */
static void test_a_name_is_its_events_own_and_an_id_stays(void **state)
{
	expect_events(": hello\n\nid: 1\nevent: job.queued\ndata: {}\n\n"
		      "id:2\r\nevent:job.delta\r\ndata: {\"text\":\r\ndata: 1}\r\n\r\n"
		      "data: more\n\ndata: last\rid: 3\r\rdata: never ended",
		"[1|job.queued|{}][2|job.delta|{\"text\":\n1}][2|message|more][3|message|last]");
	expect_events("event: x\n\n\n\nid: 9\n\ndata\n\n", "[9|message|]");
}

static void test_what_is_no_data_is_no_event(void **state)
{
	expect_events("event: ping\n\n\n\nretry: 3\n\n", "");
	expect_events("datum: x\n\ndata\n\n", "[|message|]");
	expect_events("data: no end", "");
	expect_events("data: half\n", "");
}

static void test_a_name_or_an_id_that_does_not_fit_is_as_if_untold(void **state)
{
	char text[256], x[SSE_NAME_MAX + 1] = "";

	memset(x, 'x', SSE_NAME_MAX);
	snprintf(text, sizeof(text), "id: 1\nevent: %s\nid: %s\ndata: a\n\n", x, x);
	expect_events(text, "[1|message|a]");
}

static void test_what_the_owner_answers_ends_the_feed(void **state)
{
	struct heard heard;

	heard_init(&heard, 100);
	heard.answer = ERR_CANCELLED;
	assert_int_equal(feed(&heard, "data: a\n\ndata: b\n\n", 18), ERR_CANCELLED);
	assert_int_equal(heard.n, 1);
	heard_clear(&heard);
}

static void test_a_new_connection_forgets_the_half_read_event_and_keeps_the_id(void **state)
{
	struct heard heard;

	heard_init(&heard, 100);
	assert_int_equal(feed(&heard, "id: 4\ndata: a\n\nevent: x\ndata: ha", 32), ERR_OK);
	sse_restart(&heard.sse);
	assert_int_equal(feed(&heard, "data: b\n\n", 9), ERR_OK);
	assert_string_equal(text_of(&heard), "[4|message|a][4|message|b]");
	heard_clear(&heard);
}

static void test_an_event_over_the_limit_is_refused(void **state)
{
	struct heard heard;
	char line[64];

	memset(line, 'x', sizeof(line));
	heard_init(&heard, 100);
	assert_int_equal(feed(&heard, line, sizeof(line)), ERR_OK);
	assert_int_equal(feed(&heard, line, sizeof(line)), ERR_TOO_LARGE);
	heard_clear(&heard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_chunking_gives_the_same_events),
		cmocka_unit_test(test_a_name_is_its_events_own_and_an_id_stays),
		cmocka_unit_test(test_what_is_no_data_is_no_event),
		cmocka_unit_test(test_a_name_or_an_id_that_does_not_fit_is_as_if_untold),
		cmocka_unit_test(test_what_the_owner_answers_ends_the_feed),
		cmocka_unit_test(
			test_a_new_connection_forgets_the_half_read_event_and_keeps_the_id),
		cmocka_unit_test(test_an_event_over_the_limit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
