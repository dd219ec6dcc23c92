#include "spoken.h"

#include "sse.h"

struct heard {
	char text[4096];
	size_t n;
	enum err answer;
};

static enum err hear(void *owner, const struct sse_event *event)
{
	struct heard *heard = owner;
	size_t len = strlen(heard->text);

	assert_int_equal(strlen(event->data), event->len);
	snprintf(heard->text + len, sizeof(heard->text) - len, "[%s|%s|%s]", event->id, event->name,
		event->data);
	heard->n++;
	return heard->answer;
}

static void feed(struct heard *heard, const char *text, size_t piece)
{
	struct sse s;
	size_t len = strlen(text);

	memset(heard, 0, sizeof(*heard));
	sse_init(&s, hear, heard);
	for (size_t i = 0; i < len; i += piece)
		assert_int_equal(sse_feed(&s, text + i, len - i < piece ? len - i : piece), ERR_OK);
	sse_clear(&s);
}

static const char stream[] = ": hello\n\nid: 1\nevent: job.queued\ndata: {}\n\n"
			     "id:2\r\nevent:job.delta\r\ndata: {\"text\":\r\ndata: 1}\r\n\r\n"
			     "data: last\rid: 3\r\rdata: never ended";

/* promises: C2 */
static void test_events_come_whole_in_any_pieces(void **state)
{
	for (size_t piece = 1; piece <= sizeof(stream); piece++) {
		struct heard heard;

		feed(&heard, stream, piece);
		assert_string_equal(heard.text,
			"[1|job.queued|{}][2|job.delta|{\"text\":\n1}][3|message|last]");
	}
}

static void test_a_blank_line_without_data_is_no_event(void **state)
{
	struct heard heard;

	feed(&heard, "event: x\n\n\n\nid: 9\n\ndata\n\n", 7);
	assert_string_equal(heard.text, "[9|message|]");
}

static void test_what_the_owner_answers_ends_the_feed(void **state)
{
	struct heard heard = {.answer = ERR_CANCELLED};
	struct sse s;

	sse_init(&s, hear, &heard);
	assert_int_equal(sse_feed(&s, "data: a\n\ndata: b\n\n", 18), ERR_CANCELLED);
	assert_int_equal(heard.n, 1);
	sse_clear(&s);
}

static void test_a_new_connection_forgets_the_half_read_event_and_keeps_the_id(void **state)
{
	struct heard heard = {.n = 0};
	struct sse s;

	sse_init(&s, hear, &heard);
	assert_int_equal(sse_feed(&s, "id: 4\ndata: a\n\ndata: ha", 23), ERR_OK);
	sse_restart(&s);
	assert_int_equal(sse_feed(&s, "data: b\n\n", 9), ERR_OK);
	assert_string_equal(heard.text, "[4|message|a][4|message|b]");
	sse_clear(&s);
}

static void test_a_line_without_end_is_refused(void **state)
{
	struct heard heard = {.n = 0};
	struct sse s;
	char piece[65536];
	enum err e = ERR_OK;

	memset(piece, 'x', sizeof(piece));
	sse_init(&s, hear, &heard);
	for (int i = 0; i < 200 && e == ERR_OK; i++)
		e = sse_feed(&s, piece, sizeof(piece));
	assert_int_equal(e, ERR_TOO_LARGE);
	sse_clear(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events_come_whole_in_any_pieces),
		cmocka_unit_test(test_a_blank_line_without_data_is_no_event),
		cmocka_unit_test(test_what_the_owner_answers_ends_the_feed),
		cmocka_unit_test(
			test_a_new_connection_forgets_the_half_read_event_and_keeps_the_id),
		cmocka_unit_test(test_a_line_without_end_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
