/* What a job asks for: how many calls of one upstream a worker may make at a time. */
#include "choice.h"

#include "job.h"
#include "worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int64_t ceiling_of(int64_t slots, size_t upstreams, int64_t max_in_flight)
{
	struct config config = {.worker.slots = slots, .pacing.slots_percent = 80};
	struct config_upstream row = {.max_in_flight = max_in_flight};
	struct upstream upstream = {.config = &row};
	char label[] = "a";
	struct upstream_key key = {.upstream = &upstream, .label = label};
	struct upstreams list = {.n = upstreams};
	struct worker worker = {.config = &config, .upstreams = &list};
	const struct alternative to = {.candidate = {.upstream = &upstream}};
	const struct choice choice = {&to, &key};
	const struct job job = {.worker = &worker};

	return choice_ask(&job, &choice).ceiling;
}

/* promises: C4 */
static void test_one_of_several_upstreams_leaves_slots_to_the_others(void **state)
{
	assert_int_equal(ceiling_of(100, 1, 1000), 100);
	assert_int_equal(ceiling_of(100, 2, 1000), 80);
	assert_int_equal(ceiling_of(100, 2, 30), 30);
}

static void test_a_worker_of_one_slot_calls_each_of_several_upstreams(void **state)
{
	assert_int_equal(ceiling_of(1, 2, 1000), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_of_several_upstreams_leaves_slots_to_the_others),
		cmocka_unit_test(test_a_worker_of_one_slot_calls_each_of_several_upstreams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
