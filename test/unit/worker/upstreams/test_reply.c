/* What a model streams becomes the very object it would have sent in one piece. */
#include "domain/kind.h"
#include "upstreams/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static enum err keep(void *owner, int choice, const char *text, size_t len, struct buf *kept)
{
	return buf_append(kept, text, len);
}

static enum err stream_in(struct reply *r, const char *kind, const char *text, size_t piece)
{
	enum err e = ERR_OK;

	reply_init(r, reply_kind_find(kind), 1 << 20);
	r->filter = keep;
	reply_begin(r, 200, true);
	for (size_t at = 0; at < strlen(text) && !e; at += piece)
		e = reply_feed(r, text + at, strlen(text) - at < piece ? strlen(text) - at : piece);
	return e;
}

static void expect_body(const char *kind, const char *text, const char *expect)
{
	struct problems problems = {.n = 0};
	json_t *want, *got;

	assert_int_equal(json_read(expect, strlen(expect), 64, &problems, &want), ERR_OK);
	for (size_t piece = 1; piece < strlen(text) + 1; piece += 3) {
		struct reply r;
		struct buf out;

		buf_init(&out, 1 << 20);
		assert_int_equal(stream_in(&r, kind, text, piece), ERR_OK);
		assert_int_equal(reply_finish(&r, &out), ERR_OK);
		assert_int_equal(json_read(out.bytes, out.len, 64, &problems, &got), ERR_OK);
		if (!json_equal(want, got))
			fail_msg("piece %zu: %s", piece, out.bytes);
		json_decref(got);
		buf_clear(&out);
		reply_clear(&r);
	}
	json_decref(want);
}

#define CHUNK(choice)                                                                                \
	"data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1.5,\"model\":\"m\"," \
	"\"choices\":[" choice "]}\n\n"
#define DELTA(text) \
	CHUNK("{\"index\":0,\"delta\":{\"content\":\"" text "\"},\"finish_reason\":null}")

/* promises: C14 */
static void test_chat_text_is_joined(void **state)
{
	expect_body("chat",
		CHUNK("{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}") DELTA(
			"Hel") DELTA("lo \\u00e9\\ud83d\\ude00") DELTA("\\\"quoted\\\"")
			CHUNK("{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}") "data: {\"id\":\"c1\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,"
										       "\"completion_tokens\":5}}\n\ndata: [DONE]\n\n",
		"{\"id\":\"c1\",\"created\":1.5,\"model\":\"m\",\"object\":\"chat.completion\","
		"\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
		"\"content\":\"Hello \\u00e9\\ud83d\\ude00\\\"quoted\\\"\"},\"logprobs\":null,"
		"\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,"
		"\"completion_tokens\":5}}");
}

static void test_tool_calls_and_further_choices_are_kept(void **state)
{
	expect_body("chat",
		CHUNK("{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":null,"
		      "\"tool_calls\":[{\"index\":0,\"id\":\"t1\",\"type\":\"function\","
		      "\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}}")
			CHUNK("{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":"
			      "{\"arguments\":\"{\\\"a\\\"\"}}]}}")
				CHUNK("{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,"
				      "\"function\":{\"arguments\":\":1}\"}}]},"
				      "\"finish_reason\":\"tool_calls\"}")
					CHUNK("{\"index\":1,\"delta\":{\"content\":\"x\","
					      "\"reasoning\":\"why\"},\"finish_reason\":\"stop\"}") "data: [DONE]\n\n",
		"{\"id\":\"c1\",\"created\":1.5,\"model\":\"m\",\"object\":\"chat.completion\","
		"\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"tool_calls\":"
		"[{\"id\":\"t1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
		"\"arguments\":\"{\\\"a\\\":1}\"}}],\"content\":null},\"logprobs\":null,"
		"\"finish_reason\":\"tool_calls\"},{\"index\":1,\"message\":{\"role\":"
		"\"assistant\",\"reasoning\":\"why\",\"content\":\"x\"},\"logprobs\":null,"
		"\"finish_reason\":\"stop\"}]}");
}

/* Were its string written anew for each piece, or its items walked through, this would be minutes
 * of the worker's only thread. */
static void test_a_long_tool_call_is_joined_piece_by_piece(void **state)
{
	enum { PIECES = 100000, ITEMS = 1000 };
	static const char piece[] =
		CHUNK("{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,"
		      "\"function\":{\"arguments\":\"0123456789012345678901234567890"
		      "12345678\"}}]}}");
	struct reply r;
	struct buf out;
	char item[300];

	buf_init(&out, 64 << 20);
	reply_init(&r, reply_kind_find("chat"), 64 << 20);
	r.filter = keep;
	reply_begin(&r, 200, true);
	for (int i = 0; i < PIECES; i++)
		assert_int_equal(reply_feed(&r, piece, strlen(piece)), ERR_OK);
	for (int i = 1; i < ITEMS; i++) {
		snprintf(item, sizeof(item),
			CHUNK("{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":%d,"
			      "\"id\":\"t\"}]}}"),
			i);
		assert_int_equal(reply_feed(&r, item, strlen(item)), ERR_OK);
	}
	assert_int_equal(reply_feed(&r, "data: [DONE]\n\n", 14), ERR_OK);
	assert_int_equal(reply_finish(&r, &out), ERR_OK);
	assert_true(out.len > (size_t)PIECES * 39 + (size_t)ITEMS * 10);
	buf_clear(&out);
	reply_clear(&r);
}

static void test_more_numbered_things_than_a_model_has_are_refused(void **state)
{
	struct reply r;
	char item[300];
	enum err e = ERR_OK;

	reply_init(&r, reply_kind_find("chat"), 64 << 20);
	r.filter = keep;
	reply_begin(&r, 200, true);
	for (int i = 0; i < 100000 && !e; i++) {
		snprintf(item, sizeof(item),
			CHUNK("{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":%d}]}}"), i);
		e = reply_feed(&r, item, strlen(item));
	}
	assert_int_equal(e, ERR_UP_TOO_LARGE);
	reply_clear(&r);
}

static void test_a_response_is_its_last_event(void **state)
{
	expect_body("response",
		"event: response.output_text.delta\n"
		"data: {\"type\":\"response.output_text.delta\",\"delta\":\"hi\"}\n\n"
		"data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r1\","
		"\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}}\n\n",
		"{\"id\":\"r1\",\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}");
}

#define EVENT(type, rest) "event: " type "\ndata: {\"type\":\"" type "\"" rest "}\n\n"
#define START                                                                        \
	EVENT("message_start",                                                       \
		",\"message\":{\"id\":\"m1\",\"type\":\"message\",\"role\":"         \
		"\"assistant\",\"model\":\"m\",\"content\":[],\"stop_reason\":null," \
		"\"usage\":{\"input_tokens\":5,\"cache_read_input_tokens\":20,"      \
		"\"cache_creation_input_tokens\":null,\"output_tokens\":1}}")
#define BLOCK(index, block) \
	EVENT("content_block_start", ",\"index\":" index ",\"content_block\":" block)
#define PIECE(index, delta) \
	EVENT("content_block_delta", ",\"index\":" index ",\"delta\":{" delta "}")
#define STOP(index)		EVENT("content_block_stop", ",\"index\":" index)
#define TEXT_PIECE(index, text) PIECE(index, "\"type\":\"text_delta\",\"text\":\"" text "\"")
#define END(reason)                                                           \
	EVENT("message_delta", ",\"delta\":{\"stop_reason\":\"" reason "\"}," \
			       "\"usage\":{\"output_tokens\":9}")             \
	EVENT("message_stop", "")

/* promises: C14 */
static void test_a_message_is_put_together_block_by_block(void **state)
{
	expect_body("message",
		START BLOCK("0",
			"{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}") PIECE("0",
			"\"type\":\"thinking_delta\",\"thinking\":\"so \"") PIECE("0",
			"\"type\":\"thinking_delta\",\"thinking\":\"far\"") PIECE("0",
			"\"type\":\"signature_delta\",\"signature\":\"s\"") STOP("0") EVENT("ping",
			"") BLOCK("1", "{\"type\":\"text\",\"text\":\"\"}") TEXT_PIECE("1",
			"Hel") TEXT_PIECE("1", "lo \\u00e9") PIECE("1",
			"\"type\":\"citations_delta\",\"citation\":{\"n\":1}") STOP("1") BLOCK("2",
			"{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}")
			PIECE("2", "\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\"\"")
				PIECE("2", "\"type\":\"input_json_delta\",\"partial_json\":\":1}\"")
					STOP("2") BLOCK("3",
						"{\"type\":\"text\",\"text\":\"\"}") TEXT_PIECE("3",
						"bye") STOP("3") BLOCK("4",
						"{\"type\":\"new_thing\",\"member\":\"a\"}")
						PIECE("4",
							"\"type\":\"new_delta\",\"member\":\"b\"")
							STOP("4") END("tool_use"),
		"{\"id\":\"m1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\","
		"\"content\":[{\"type\":\"thinking\",\"thinking\":\"so far\",\"signature\":\"s\"},"
		"{\"type\":\"text\",\"text\":\"Hello \\u00e9\",\"citations\":[{\"n\":1}]},"
		"{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{\"a\":1}},"
		"{\"type\":\"text\",\"text\":\"bye\"},{\"type\":\"new_thing\",\"member\":\"ab\"}],"
		"\"stop_reason\":\"tool_use\",\"usage\":{\"input_tokens\":5,"
		"\"cache_read_input_tokens\":20,\"cache_creation_input_tokens\":null,"
		"\"output_tokens\":9}}");
}

static void test_a_tool_input_that_was_cut_is_kept_as_text(void **state)
{
	expect_body("message",
		START BLOCK("0", "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}")
			PIECE("0", "\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\"")
				STOP("0") END("max_tokens"),
		"{\"id\":\"m1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\","
		"\"content\":[{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":"
		"{\"INVALID_JSON\":\"{\\\"a\"}}],\"stop_reason\":\"max_tokens\",\"usage\":"
		"{\"input_tokens\":5,\"cache_read_input_tokens\":20,"
		"\"cache_creation_input_tokens\":null,\"output_tokens\":9}}");
}

static void test_a_message_tells_its_text_and_counts_cached_input(void **state)
{
	static const char begun[] = START BLOCK("0", "{\"type\":\"text\",\"text\":\"\"}")
		TEXT_PIECE("0", "one ") STOP("0") BLOCK("1", "{\"type\":\"text\",\"text\":\"\"}")
			TEXT_PIECE("1", "two");
	struct reply r;

	assert_int_equal(stream_in(&r, "message", begun, 11), ERR_OK);
	assert_int_equal(r.input_tokens, 25);
	assert_int_equal(r.output_tokens, -1);
	assert_memory_equal(reply_text(&r)->bytes, "one two", 7);
	assert_int_equal(reply_feed(&r, END("end_turn"), strlen(END("end_turn"))), ERR_OK);
	assert_int_equal(r.output_tokens, 9);
	assert_true(r.ended);
	reply_clear(&r);
}

static size_t written_of(const char *kind, const char *text, bool stream)
{
	struct reply r;
	struct buf out;
	size_t written;
	enum err e;

	buf_init(&out, 1 << 20);
	reply_init(&r, reply_kind_find(kind), 1 << 20);
	r.filter = keep;
	reply_begin(&r, 200, stream);
	e = reply_feed(&r, text, strlen(text));
	if (!e)
		e = reply_finish(&r, &out);
	(void)e; /* of a reply that is cut off */
	written = r.written;
	buf_clear(&out);
	reply_clear(&r);
	return written;
}

#define SPACES "                                                                "
#define CALL(arguments)                                             \
	"\"tool_calls\":[{\"index\":0,\"id\":\"call_77\",\"type\":" \
	"\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"" arguments "\"}}]"

/* What an upstream sends besides, however much it is, is nobody's output. promises: X6 */
static void test_only_what_a_model_wrote_is_counted_as_written(void **state)
{
	static const struct {
		const char *kind, *text;
		bool stream;
		size_t written;
	} rows[] = {
		{"chat", DELTA("one") DELTA("four") DELTA("five5"), true, 12},
		{"chat",
			DELTA("a") CHUNK(
				"{\"index\":1,\"delta\":{" CALL("{}") ",\"reasoning\":\"why\"}}"),
			true, 6},
		{"chat", DELTA("parsed") "data: " SPACES "no JSON" SPACES "\n\n", true, 6},
		{"chat", SPACES SPACES, false, 0},
		{"chat", "{\"choices\":[{\"message\":{\"content\":\"four\"" SPACES "}", false, 0},
		{"chat",
			"{\"id\":\"" SPACES "\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
			"\"assistant\",\"content\":\"four\"," CALL("{1}") "}}]}",
			false, 7},
		{"response",
			"data: {\"type\":\"response.output_text.delta\",\"delta\":\"hi\"}\n\n"
			"data: {\"type\":\"response.reasoning_text.delta\",\"delta\":\"so\"}\n\n",
			true, 4},
		{"response",
			"{\"output\":[{\"type\":\"message\",\"id\":\"m\",\"content\":[{\"type\":"
			"\"output_text\",\"text\":\"hello\"}]}],\"text\":\"" SPACES "\"}",
			false, 5},
		{"message",
			START BLOCK("0", "{\"type\":\"text\",\"text\":\"\"}") TEXT_PIECE(
				"0", "one ") STOP("0") BLOCK("1",
				"{\"type\":\"tool_use\",\"id\":\"t\",\"input\":{}}")
				PIECE("1", "\"type\":\"input_json_delta\",\"partial_json\":\"{}\""),
			true, 6},
		{"message",
			"{\"content\":[{\"type\":\"tool_use\",\"id\":\"t\",\"input\":{\"any\":"
			"[\"thing\"]}}],\"model\":\"" SPACES "\"}",
			false, 5},
		{"embedding", "{\"data\":[{\"embedding\":\"" SPACES "\"}]}", false, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const size_t written = written_of(rows[i].kind, rows[i].text, rows[i].stream);

		if (written != rows[i].written)
			fail_msg("row %zu: %zu", i, written);
	}
}

static void test_what_calls_a_model_can_read_its_reply(void **state)
{
	const struct kind *kind;

	for (size_t i = 0; (kind = kind_at(i)) != NULL; i++) {
		const bool calls = kind->runner == KIND_RUNS_UPSTREAM;

		if (calls != (reply_kind_find(kind->name) != NULL) ||
			calls != (kind->path[0] == '/'))
			fail_msg("%s has a runner, a path or a reply, but not all", kind->name);
	}
}

static void expect_failure(const char *kind, const char *text, enum err expect)
{
	struct reply r;
	struct buf out;
	enum err e;

	buf_init(&out, 1 << 20);
	e = stream_in(&r, kind, text, 7);
	if (!e)
		e = reply_finish(&r, &out);
	assert_int_equal(e, expect);
	buf_clear(&out);
	reply_clear(&r);
}

static void test_a_stream_without_its_end_marker_is_truncated(void **state)
{
	expect_failure("chat", DELTA("a") DELTA("b"), ERR_UP_TRUNCATED);
	expect_failure("chat", "", ERR_UP_TRUNCATED);
	expect_failure("response",
		"data: {\"type\":\"response.output_text.delta\",\"delta\":\"hi\"}\n\n",
		ERR_UP_TRUNCATED);
	expect_failure(
		"message", START BLOCK("0", "{\"type\":\"text\",\"text\":\"\"}"), ERR_UP_TRUNCATED);
}

static void test_errors_inside_a_stream_are_errors(void **state)
{
	expect_failure("chat",
		DELTA("a") "data: {\"error\":{\"type\":\"overloaded_error\",\"message\":\"no\"}}\n\n",
		ERR_UP_529);
	expect_failure("chat", "data: {\"choices\": 7}\n\n", ERR_UP_MALFORMED);
	expect_failure("chat", DELTA("a") "data: {\"choices\":[\n\n", ERR_UP_MALFORMED);
	expect_failure("response",
		"data: {\"type\":\"response.failed\",\"response\":{\"error\":"
		"{\"code\":\"server_error\",\"message\":\"m\"}}}\n\n",
		ERR_UP_500);
	expect_failure("message",
		START EVENT(
			"error", ",\"error\":{\"type\":\"overloaded_error\",\"message\":\"no\"}"),
		ERR_UP_529);
}

/* Whatever order blocks come in, it is an answer or a clear failure. */
static void test_a_message_out_of_order_makes_no_sense(void **state)
{
	expect_failure("message", EVENT("message_stop", ""), ERR_UP_MALFORMED);
	expect_failure("message", START START, ERR_UP_MALFORMED);
	expect_failure("message", START TEXT_PIECE("0", "x"), ERR_UP_MALFORMED);
	expect_failure(
		"message", START BLOCK("1", "{\"type\":\"text\",\"text\":\"\"}"), ERR_UP_MALFORMED);
	expect_failure("message",
		START BLOCK("0", "{\"type\":\"text\",\"text\":\"\"}")
			PIECE("0", "\"type\":\"text_delta\""),
		ERR_UP_MALFORMED);
	expect_failure("message", "data: {\"no\":\"type\"}\n\n", ERR_UP_MALFORMED);
}

static void test_an_error_in_a_whole_body_is_an_error(void **state)
{
	static const struct {
		const char *body;
		enum err err;
	} rows[] = {
		{"{\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"}}", ERR_UP_529},
		{"{\"error\":{\"message\":\"busy\",\"code\":502}}", ERR_UP_502},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct reply r;
		struct buf out;

		buf_init(&out, 1000);
		reply_init(&r, reply_kind_find("chat"), 1000);
		reply_begin(&r, 200, false);
		assert_int_equal(reply_feed(&r, rows[i].body, strlen(rows[i].body)), ERR_OK);
		assert_int_equal(reply_finish(&r, &out), rows[i].err);
		assert_int_equal(out.len, 0);
		reply_clear(&r);
	}
}

static void test_a_whole_body_is_kept_as_it_came(void **state)
{
	static const char body[] = "{\"data\": [1.0, 1e2],\"usage\":{\"prompt_tokens\":9}}";
	struct reply r;
	struct buf out;

	buf_init(&out, 1000);
	reply_init(&r, reply_kind_find("embedding"), 1000);
	reply_begin(&r, 200, false);
	assert_int_equal(reply_feed(&r, body, strlen(body)), ERR_OK);
	assert_int_equal(reply_finish(&r, &out), ERR_OK);
	assert_string_equal(out.bytes, body);
	assert_int_equal(r.input_tokens, 9);
	buf_clear(&out);
	reply_clear(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chat_text_is_joined),
		cmocka_unit_test(test_tool_calls_and_further_choices_are_kept),
		cmocka_unit_test(test_a_long_tool_call_is_joined_piece_by_piece),
		cmocka_unit_test(test_more_numbered_things_than_a_model_has_are_refused),
		cmocka_unit_test(test_a_response_is_its_last_event),
		cmocka_unit_test(test_a_message_is_put_together_block_by_block),
		cmocka_unit_test(test_a_tool_input_that_was_cut_is_kept_as_text),
		cmocka_unit_test(test_a_message_tells_its_text_and_counts_cached_input),
		cmocka_unit_test(test_a_message_out_of_order_makes_no_sense),
		cmocka_unit_test(test_an_error_in_a_whole_body_is_an_error),
		cmocka_unit_test(test_only_what_a_model_wrote_is_counted_as_written),
		cmocka_unit_test(test_what_calls_a_model_can_read_its_reply),
		cmocka_unit_test(test_a_stream_without_its_end_marker_is_truncated),
		cmocka_unit_test(test_errors_inside_a_stream_are_errors),
		cmocka_unit_test(test_a_whole_body_is_kept_as_it_came),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
