/* A value that cannot be opened for lack of memory is not told as one that is not there. */
#include "jobs/job_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "unit/torture.h"

static const struct sealed_box box = {.there = true};
static const struct sealed_where where = {.place = SEALED_RESULT};
static struct buf sealed;

typedef void put_fn(struct buf *out, struct db_bytes value);

static void json_put(struct buf *out, struct db_bytes value)
{
	job_json_sealed(out, &box, where, value, "null");
}

static void text_put(struct buf *out, struct db_bytes value)
{
	job_json_sealed_text(out, &box, where, value);
}

static enum err told(put_fn *put, const char *expected)
{
	struct buf out;
	enum err e;

	buf_init(&out, 1000);
	put(&out, (struct db_bytes){sealed.bytes, sealed.len});
	e = buf_err(&out);
	if (!e)
		assert_string_equal(out.bytes, expected);
	buf_clear(&out);
	return e;
}

static enum err json_told(void)
{
	return told(json_put, "{\"a\":1}");
}

static enum err text_told(void)
{
	return told(text_put, "\"{\\\"a\\\":1}\"");
}

static void test_a_sealed_value_is_told_or_there_was_no_memory(void **state)
{
	buf_init(&sealed, 1000);
	assert_int_equal(sealed_close(&box, where, "{\"a\":1}", 7, &sealed), ERR_OK);
	torture(json_told);
	torture(text_told);
	buf_clear(&sealed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_sealed_value_is_told_or_there_was_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
