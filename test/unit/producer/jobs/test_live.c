/* Who waits may leave in the same turn of the loop in which it came. */
#include "jobs/live.h"

#include "ports/loop.h"
#include "producer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* A producer of nothing but a loop; no Redis, no record. */
struct scene {
	char no_redis[1];
	struct config config;
	struct producer producer;
	struct live *live;
	struct live_call last;
};

static struct scene *scene_of(void **state)
{
	return *state;
}

static int scene_open(void **state)
{
	struct scene *s = calloc(1, sizeof *s);

	assert_non_null(s);
	s->config.redis.limits_url = s->no_redis;
	s->config.producer.watchers_max = 10;
	s->config.producer.watchers_tenant_percent = 100;
	s->config.producer.look_ms = 60000;
	s->producer.config = &s->config;
	assert_int_equal(loop_new(&s->producer.loop), ERR_OK);
	assert_int_equal(live_new(&s->producer, &s->live), ERR_OK);
	assert_int_equal(live_start(s->live), ERR_OK);
	*state = s;
	return 0;
}

static int scene_close(void **state)
{
	struct scene *s = scene_of(state);

	live_free(s->live);
	loop_free(s->producer.loop);
	free(s);
	return 0;
}

static void stop(void *owner)
{
	struct scene *s = owner;

	loop_stop(s->producer.loop);
}

/* Those who came before are taken, and told that it closes. */
static void closes(struct scene *s)
{
	s->last.fn = stop;
	s->last.owner = s;
	live_post(s->live, &s->last);
	live_quiesce(s->live);
	loop_run(s->producer.loop);
}

struct waiting {
	struct watcher watcher; /* first */
	int told;
};

static void told(struct watcher *w, enum watcher_why why)
{
	struct waiting *waiting = (struct waiting *)(void *)w;

	assert_int_equal(why, WATCHER_CLOSING);
	waiting->told++;
}

static void test_who_leaves_before_the_loop_turns_may_be_freed(void **state)
{
	struct scene *s = scene_of(state);
	struct watcher *w = calloc(1, sizeof *w);

	assert_non_null(w);
	assert_int_equal(live_watch(s->live, w), ERR_OK);
	live_unwatch(s->live, w);
	live_unwatch(s->live, w);
	assert_int_equal(live_watchers(s->live), 0);
	free(w);
	closes(s);
}

static void test_who_leaves_and_comes_again_is_there_once(void **state)
{
	struct scene *s = scene_of(state);
	struct waiting waiting = {.watcher.told = told};
	struct watcher *w = &waiting.watcher;

	assert_int_equal(live_watch(s->live, w), ERR_OK);
	live_unwatch(s->live, w);
	assert_int_equal(live_watch(s->live, w), ERR_OK);
	assert_int_equal(live_watchers(s->live), 1);
	closes(s);
	assert_int_equal(waiting.told, 1);
	assert_int_equal(live_watchers(s->live), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_who_leaves_before_the_loop_turns_may_be_freed,
			scene_open, scene_close),
		cmocka_unit_test_setup_teardown(
			test_who_leaves_and_comes_again_is_there_once, scene_open, scene_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
