/* What the simulator says follows from the prompt or the seed, and from nothing else. */
#include "simulator/summary.h"
#include "simulator/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char article[] =
	"Lanterns light the harbour at night.\nThe harbour keeper counts lanterns every evening. "
	"It rains. Nobody knows why seagulls prefer granite. Harbour lanterns guide every keeper "
	"home. Bread was cheap that year in most of the smaller towns inland.";

static char *summary_of(const char *text)
{
	struct buf out;
	char *bytes = NULL;
	size_t len = 0;

	buf_init(&out, 1 << 20);
	assert_int_equal(summary_append(&out, text, strlen(text)), ERR_OK);
	assert_int_equal(buf_take(&out, &bytes, &len), ERR_OK);
	buf_clear(&out);
	return bytes;
}

static void a_summary_is_sentences_of_the_text_in_their_order(void **state)
{
	char *summary = summary_of(article);

	assert_string_equal(summary,
		"Lanterns light the harbour at night. The harbour keeper counts lanterns every "
		"evening. Harbour lanterns guide every keeper home.");
	free(summary);
}

static void nothing_gives_one_fixed_sentence(void **state)
{
	char *summary = summary_of(" \n ");

	assert_string_equal(summary, "There was nothing to summarise.");
	free(summary);
}

static void a_long_sentence_is_cut_between_characters(void **state)
{
	char text[1001] = "";

	for (int i = 0; i < 500; i++)
		memcpy(text + 2 * i, "\xc3\xa9", 2);
	text[999] = 0;
	char *summary = summary_of(text);
	assert_true(strlen(summary) <= SUMMARY_SENTENCE_MAX);
	assert_int_equal(strlen(summary) % 2, 0);
	free(summary);
}

/* All tokens, so many at a time, are the whole text. */
static void check_tokens(struct text *t, unsigned step)
{
	struct buf parts, whole;

	buf_init(&parts, 1 << 20);
	buf_init(&whole, 1 << 20);
	while (t->sent < t->tokens)
		assert_int_equal(text_next(t, step, &parts), ERR_OK);
	assert_int_equal(text_whole(t, &whole), ERR_OK);
	assert_int_equal(parts.len, whole.len);
	assert_memory_equal(parts.bytes, whole.bytes, whole.len);
	assert_int_equal(text_count(whole.bytes, whole.len), t->tokens);
	buf_clear(&parts);
	buf_clear(&whole);
}

static void tokens_join_to_the_text(void **state)
{
	for (unsigned step = 1; step < 9; step++) {
		struct text made, kept;
		text_make(&made, 7, 100);
		check_tokens(&made, step);
		text_keep(&kept, strdup(article), strlen(article), 1000);
		check_tokens(&kept, step);
		text_clear(&kept);
	}
}

static void a_kept_text_is_cut_after_max_tokens(void **state)
{
	struct text t;

	text_keep(&t, strdup("one two three"), 13, 2);
	assert_int_equal(t.tokens, 2);
	assert_int_equal(t.len, 7);
	text_clear(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_summary_is_sentences_of_the_text_in_their_order),
		cmocka_unit_test(nothing_gives_one_fixed_sentence),
		cmocka_unit_test(a_long_sentence_is_cut_between_characters),
		cmocka_unit_test(tokens_join_to_the_text),
		cmocka_unit_test(a_kept_text_is_cut_after_max_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
