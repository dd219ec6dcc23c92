/* The text that Prometheus reads, and the page that explains it. */
#include "domain/metric.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

static int setup(void **state)
{
	struct buf *out = calloc(1, sizeof(*out));

	assert_non_null(out);
	buf_init(out, 1 << 20);
	*state = out;
	return 0;
}

static int teardown(void **state)
{
	buf_clear(*state);
	free(*state);
	return 0;
}

static void test_a_metrics_head_stands_once_before_its_samples(void **state)
{
	struct buf *out = *state;
	struct metric_text text;

	metric_begin(&text, out);
	metric_real(&text, METRIC_RETRIES, METRIC_LABELS("a"), 1);
	metric_real(&text, METRIC_RETRIES, METRIC_LABELS("b"), 12345678901.0);
	metric_real(&text, METRIC_SLOTS, NULL, 0.5);
	assert_string_equal(out->bytes,
		"# HELP longhaul_retries_total attempts after which the job waits for another one\n"
		"# TYPE longhaul_retries_total counter\n"
		"longhaul_retries_total{upstream=\"a\"} 1\n"
		"longhaul_retries_total{upstream=\"b\"} 12345678901\n"
		"# HELP longhaul_slots jobs this worker may hold\n"
		"# TYPE longhaul_slots gauge\n"
		"longhaul_slots 0.5\n");
}

static void test_a_labels_value_is_escaped(void **state)
{
	struct buf *out = *state;
	struct metric_text text;

	metric_begin(&text, out);
	metric_real(&text, METRIC_ATTEMPTS, METRIC_LABELS("a\"b\\c\nd", "ok"), 1);
	assert_non_null(
		strstr(out->bytes, "_total{upstream=\"a\\\"b\\\\c\\nd\",error=\"ok\"} 1\n"));
}

static void test_a_histogram_sums_its_buckets_up(void **state)
{
	struct buf *out = *state;
	struct histogram h = {.sum = 0};
	struct metric_text text;

	histogram_add(&h, HISTOGRAM_SIZE, 1);
	histogram_add(&h, HISTOGRAM_SIZE, 3);
	histogram_add(&h, HISTOGRAM_SIZE, 1000000);
	metric_begin(&text, out);
	metric_histogram(&text, METRIC_FINISH_JOBS, NULL, &h);
	assert_non_null(strstr(out->bytes, "_bucket{le=\"1\"} 1\n"));
	assert_non_null(strstr(out->bytes, "_bucket{le=\"2\"} 1\n"));
	assert_non_null(strstr(out->bytes, "_bucket{le=\"5\"} 2\n"));
	assert_non_null(strstr(out->bytes, "_bucket{le=\"10000\"} 2\n"));
	assert_non_null(strstr(out->bytes, "_bucket{le=\"+Inf\"} 3\n"));
	assert_non_null(strstr(out->bytes, "longhaul_finish_jobs_sum 1000004\n"));
	assert_non_null(strstr(out->bytes, "longhaul_finish_jobs_count 3\n"));
}

static void test_times_are_shown_in_seconds(void **state)
{
	struct buf *out = *state;
	struct histogram h = {.sum = 0};
	struct metric_text text;

	histogram_add(&h, HISTOGRAM_FAST, 1500);
	metric_begin(&text, out);
	metric_histogram(&text, METRIC_CLAIM_SECONDS, METRIC_LABELS("direct"), &h);
	assert_non_null(strstr(out->bytes, "_bucket{way=\"direct\",le=\"0.001\"} 0\n"));
	assert_non_null(strstr(out->bytes, "_bucket{way=\"direct\",le=\"0.002\"} 1\n"));
	assert_non_null(strstr(out->bytes, "_sum{way=\"direct\"} 0.0015\n"));
}

static void test_bounds_rise_and_a_value_falls_below_its_own(void **state)
{
	for (enum histogram_ladder l = 0; l < HISTOGRAM_LADDERS; l++) {
		for (unsigned i = 1; i < HISTOGRAM_BUCKETS; i++)
			assert_true(histogram_bound(l, i) > histogram_bound(l, i - 1));
		assert_int_equal(histogram_bucket(l, histogram_bound(l, 3)), 3);
		assert_int_equal(histogram_bucket(l, histogram_bound(l, 3) + 1), 4);
		assert_int_equal(histogram_bucket(l, -5), 0);
		assert_int_equal(histogram_bucket(l, INT64_MAX), HISTOGRAM_BUCKETS - 1);
	}
}

static bool ends_with(const char *name, const char *suffix)
{
	size_t n = strlen(name), s = strlen(suffix);

	return n > s && strcmp(name + n - s, suffix) == 0;
}

/* promises: C15 */
static void test_names_keep_to_the_conventions(void **state)
{
	for (enum metric m = 0; m < METRICS; m++) {
		const struct metric_row *row = metric_row(m);
		bool counter = row->type == METRIC_COUNTER_TYPE;

		assert_int_equal(ends_with(row->name, "_total"), counter);
		assert_int_equal(row->type == METRIC_HISTOGRAM_TYPE, row->ladder != HISTOGRAM_NONE);
		assert_null(strstr(row->name, "_ms"));
		assert_null(strstr(row->labels, "tenant"));
		assert_null(strstr(row->labels, "job"));
		assert_true(row->help[0] && !strchr(row->help, '\n') && !strchr(row->help, '\\'));
		for (enum metric other = 0; other < m; other++)
			assert_string_not_equal(row->name, metric_row(other)->name);
	}
}

static void test_the_page_of_metrics_is_true(void **state)
{
	struct buf *expected = *state;
	char *found = calloc(1, 1 << 20);
	FILE *file = fopen("docs/metrics.md", "r");

	assert_int_equal(metric_print_reference(expected), ERR_OK);
	assert_non_null(file);
	assert_non_null(found);
	assert_true(fread(found, 1, (1 << 20) - 1, file) > 0);
	fclose(file);
	if (strcmp(found, expected->bytes) != 0)
		print_message("docs/metrics.md is not what metric_rows.h says: make docs\n");
	assert_true(strcmp(found, expected->bytes) == 0);
	free(found);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_metrics_head_stands_once_before_its_samples),
		CASE(test_a_labels_value_is_escaped),
		CASE(test_a_histogram_sums_its_buckets_up),
		CASE(test_times_are_shown_in_seconds),
		CASE(test_bounds_rise_and_a_value_falls_below_its_own),
		CASE(test_names_keep_to_the_conventions),
		CASE(test_the_page_of_metrics_is_true),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
