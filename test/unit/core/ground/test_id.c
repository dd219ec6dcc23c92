/* threads: yes */
/* Ids sort by birth, carry their class, and have exactly one spelling. */
#include "ground/id.h"

#include "ground/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>

static struct id from_uuid(const char *text)
{
	struct id id;

	assert_true(id_uuid_parse(text, &id));
	return id;
}

/* The vectors of the TypeID specification 0.3. */
static void test_typeid_vectors(void **state)
{
	static const struct {
		const char *prefix, *text, *uuid;
	} cases[] = {
		{"prefix", "prefix_01h455vb4pex5vsknk084sn02q",
			"01890a5d-ac96-774b-bcce-b302099a8057"},
		{"job", "job_00000000000000000000000000", "00000000-0000-0000-0000-000000000000"},
		{"job", "job_00000000000000000000000001", "00000000-0000-0000-0000-000000000001"},
		{"job", "job_0000000000000000000000000a", "00000000-0000-0000-0000-00000000000a"},
		{"job", "job_0000000000000000000000000g", "00000000-0000-0000-0000-000000000010"},
		{"job", "job_00000000000000000000000010", "00000000-0000-0000-0000-000000000020"},
		{"job", "job_7zzzzzzzzzzzzzzzzzzzzzzzzz", "ffffffff-ffff-ffff-ffff-ffffffffffff"},
		{"prefix", "prefix_0123456789abcdefghjkmnpqrs",
			"0110c853-1d09-52d8-d73e-1194e95b5f19"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct id id = from_uuid(cases[i].uuid);
		struct id back;
		char text[ID_TEXT_MAX];
		char uuid[ID_UUID_MAX];

		id_format(cases[i].prefix, id, text);
		assert_string_equal(text, cases[i].text);
		assert_true(id_parse(cases[i].prefix, text, &back));
		assert_true(id_equal(id, back));
		id_uuid(back, uuid);
		assert_string_equal(uuid, cases[i].uuid);
	}
}

static void test_other_spellings_are_refused(void **state)
{
	static const char *const cases[] = {"", "job", "job_", "01h455vb4pex5vsknk084sn02q",
		"run_01h455vb4pex5vsknk084sn02q", "job_01h455vb4pex5vsknk084sn02",
		"job_01h455vb4pex5vsknk084sn02qq", "job_81h455vb4pex5vsknk084sn02q",
		"job_01H455VB4PEX5VSKNK084SN02Q", "job_01h455vb4pex5vsknk084sn02u",
		"job_01h455vb4pex5vsknk084sn02l", "job-01h455vb4pex5vsknk084sn02q",
		" job_01h455vb4pex5vsknk084sn02q", "job_01h455vb4pex5vsknk084sn02 "};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct id id;

		assert_false(id_parse("job", cases[i], &id));
	}
	assert_false(id_parse("job", NULL, &(struct id){{0}}));
	assert_false(id_uuid_parse("01890a5d-ac96-774b-bcce-b302099a805", &(struct id){{0}}));
	assert_false(id_uuid_parse("01890a5dac96-774b-bcce-b302099a80577", &(struct id){{0}}));
	assert_false(id_uuid_parse("01890a5d-ac96-774b-bcce-b302099a805g", &(struct id){{0}}));
}

static void test_a_new_id_is_a_uuid_of_version_7_with_its_class_and_time(void **state)
{
	for (unsigned klass = 0; klass < ID_CLASSES; klass++) {
		int64_t before = clock_record_ms();
		struct id id = id_new(klass);

		assert_int_equal(id.bytes[6] >> 4, 7);
		assert_int_equal(id.bytes[8] >> 6, 2);
		assert_int_equal(id_class(id), klass);
		assert_in_range(id_ms(id), before, clock_record_ms() + 1);
		assert_false(id_is_zero(id));
	}
}

static void test_ids_of_a_class_rise_even_within_a_millisecond(void **state)
{
	struct id last = id_new(2);

	for (int i = 0; i < 200000; i++) {
		struct id next = id_new(2);

		assert_true(id_compare(last, next) < 0);
		last = next;
	}
}

enum { THREADS = 4, EACH = 20000 };

static void *make_ids(void *out)
{
	struct id *ids = out;

	for (int i = 0; i < EACH; i++)
		ids[i] = id_new(1);
	return NULL;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct id));
}

static void test_threads_never_make_the_same_id(void **state)
{
	struct id *ids = calloc((size_t)THREADS * EACH, sizeof(*ids));
	pthread_t threads[THREADS];

	assert_non_null(ids);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, make_ids, ids + i * EACH), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < THREADS; i++) {
		for (int k = 1; k < EACH; k++)
			assert_true(id_compare(ids[i * EACH + k - 1], ids[i * EACH + k]) < 0);
	}
	qsort(ids, (size_t)THREADS * EACH, sizeof(*ids), compare);
	for (int i = 1; i < THREADS * EACH; i++)
		assert_false(id_equal(ids[i - 1], ids[i]));
	free(ids);
}

/* The last: what it says of the record's time holds for the whole process. */
static void test_a_clock_that_was_ahead_at_the_start_dates_no_later_id(void **state)
{
	const int64_t day_ms = 86400000, record_ms = clock_record_ms() - day_ms;
	const struct id early = id_new(3);
	struct id id;

	clock_sync(record_ms, clock_us());
	id = id_new(3);
	assert_true(id_ms(id) >= record_ms && id_ms(id) < record_ms + day_ms / 2);
	assert_true(id_compare(id, early) < 0);
	assert_true(id_compare(id, id_new(3)) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_typeid_vectors),
		cmocka_unit_test(test_other_spellings_are_refused),
		cmocka_unit_test(test_a_new_id_is_a_uuid_of_version_7_with_its_class_and_time),
		cmocka_unit_test(test_ids_of_a_class_rise_even_within_a_millisecond),
		cmocka_unit_test(test_threads_never_make_the_same_id),
		cmocka_unit_test(test_a_clock_that_was_ahead_at_the_start_dates_no_later_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
