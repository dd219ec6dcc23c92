/* What a job asks for: of whom, with which key, and how many calls of one upstream at a time. */
#include "choice.h"

#include "job.h"
#include "upstreams/permit_asks.h"
#include "worker.h"

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

/* A job of a worker that has one upstream with two keys, and another, of one, that a test may let
 * stand behind it. */
struct desk {
	struct scene *scene;
	char labels[3][2];
	struct upstream upstream, other;
	struct upstream_key keys[3], *list[3];
	struct upstreams upstreams;
	struct worker worker;
	struct alternatives alternatives;
};

static void desk_open(struct desk *d, bool redis)
{
	*d = (struct desk){
		.scene = scene_new(redis,
			"upstreams:\n"
			"- {name: up, base_url: \"http://127.0.0.1:1/v1\", models: [\"*\"]}\n"
			"- {name: other, base_url: \"http://127.0.0.1:2/v1\", models: [\"*\"]}\n"),
		.labels = {"a", "b", "c"},
		.upstreams = {.n = 1}};
	d->upstream = (struct upstream){
		.config = &d->scene->config->upstreams[0], .keys = d->list, .keys_n = 2};
	d->other = (struct upstream){
		.config = &d->scene->config->upstreams[1], .keys = d->list + 2, .keys_n = 1};
	for (size_t i = 0; i < 3; i++) {
		d->keys[i] = (struct upstream_key){
			.upstream = i < 2 ? &d->upstream : &d->other, .label = d->labels[i]};
		d->list[i] = &d->keys[i];
	}
	d->worker = (struct worker){.config = d->scene->config,
		.upstreams = &d->upstreams,
		.permits = d->scene->workers[0]};
	d->alternatives.n = 1;
	d->alternatives.list[0].candidate = (struct candidate){&d->upstream, "m"};
	d->alternatives.list[1].candidate = (struct candidate){&d->other, "m"};
}

static const char *key_of_attempt(struct desk *d, int attempt)
{
	struct job job = {.worker = &d->worker, .attempt = attempt};

	return choice_make(&job, &d->alternatives).key->label;
}

static const char *key_of_the_next(struct desk *d)
{
	return key_of_attempt(d, 1);
}

static void desk_call(struct desk *d, const char *key, struct permit *permit)
{
	assert_int_equal(scene_ask(d->scene, 0, key, "m", permit).answer, PERMIT_GRANTED);
}

/* promises: C14 */
static void test_the_idlest_key_is_taken_and_a_refused_one_is_passed_over(void **state)
{
	struct permit a, b;
	struct desk d;

	desk_open(&d, false);
	assert_string_equal(key_of_the_next(&d), "a");
	desk_call(&d, "a", &a);
	assert_string_equal(key_of_the_next(&d), "b");
	desk_call(&d, "b", &b);
	scene_end(d.scene, 0, &a, ERR_UP_AUTH, 401, 0);
	assert_string_equal(key_of_the_next(&d), "b");
	scene_end(d.scene, 0, &b, ERR_UP_QUOTA, 402, 0);
	assert_string_equal(key_of_the_next(&d), "a");
	scene_free(d.scene);
}

static bool the_first_key_is_known(struct scene *s)
{
	return scene_try(s, 0, "a", "m", ERR_OK, 200);
}

/* promises: C6 */
static void test_an_upstream_of_which_nothing_is_known_yet_keeps_its_place(void **state)
{
	struct desk d;

	desk_open(&d, true);
	scene_until(d.scene, the_first_key_is_known);
	assert_string_equal(key_of_the_next(&d), "a"); /* not b, which may be called in a moment */
	d.alternatives.n = 2;
	assert_string_equal(key_of_attempt(&d, 1), "a");
	assert_string_equal(key_of_attempt(&d, 2), "c");
	assert_string_equal(key_of_attempt(&d, 3), "a");
	scene_free(d.scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_of_several_upstreams_leaves_slots_to_the_others),
		cmocka_unit_test(test_a_worker_of_one_slot_calls_each_of_several_upstreams),
		cmocka_unit_test(test_the_idlest_key_is_taken_and_a_refused_one_is_passed_over),
		cmocka_unit_test(test_an_upstream_of_which_nothing_is_known_yet_keeps_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
