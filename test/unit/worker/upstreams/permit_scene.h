/* permit_scene.h - two workers' permits on one loop, with a real Redis or without one.
 *
 * Threads: one.  Memory: scene_close frees. */
#ifndef TEST_PERMIT_SCENE_H
#define TEST_PERMIT_SCENE_H

#include "ground/id.h"
#include "redis_server.h"
#include "upstreams/permit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCENE_WORKERS = 2, SCENE_DEADLINE_MS = 120000, SCENE_STEP_MS = 2 };

struct scene {
	struct redis_server redis;
	struct loop *loop;
	struct loop_timer *step, *deadline;
	struct loop_idle *after_io;
	struct config *config;
	struct id ids[SCENE_WORKERS];
	struct permits *workers[SCENE_WORKERS];
	bool (*done)(struct scene *s);
	/* what a test counts while it waits */
	struct permit_limit limit;		  /* of every tenant but the zero one */
	struct permit_limit others[LIMIT_LEVELS]; /* of whoever pays at another level */
	struct permit held;
	int asked, granted, in_row;
	enum permit_block last;
};

static inline void scene_too_late(void *owner)
{
	fail_msg("the deadline passed");
}

static inline void scene_flush(void *owner)
{
	struct scene *s = owner;

	for (size_t i = 0; i < SCENE_WORKERS; i++)
		permits_flush(s->workers[i]);
}

static inline void scene_step(void *owner)
{
	struct scene *s = owner;

	if (s->done(s))
		loop_stop(s->loop);
	else
		loop_timer_start(s->step, SCENE_STEP_MS);
}

/* Turns the loop until done says so, which is asked every few milliseconds. */
static inline void scene_until(struct scene *s, bool (*done)(struct scene *s))
{
	s->done = done;
	loop_timer_start(s->deadline, SCENE_DEADLINE_MS);
	loop_timer_start(s->step, 1);
	loop_run(s->loop);
	loop_timer_stop(s->deadline);
}

static inline void scene_woken(void *owner)
{
}

static inline struct permit_limit scene_limit(void *owner, const struct permit_payer *payer)
{
	const struct permit_limit none = {.per_minute = 0};
	const struct scene *s = owner;

	if (payer->level != LIMIT_TOKENS)
		return s->others[payer->level];
	return id_is_zero(payer->tenant) ? none : s->limit;
}

/* sections: YAML behind the required ones. */
static inline struct scene *scene_new(bool redis, const char *sections)
{
	struct scene *s = calloc(1, sizeof(*s));
	char text[2048], url[64] = "";
	struct buf faults;

	assert_non_null(s);
	(void)snprintf(s->redis.folder, sizeof(s->redis.folder), "/tmp/longhaul-permit-XXXXXX");
	assert_non_null(mkdtemp(s->redis.folder));
	s->redis.port = redis_port();
	if (redis)
		(void)snprintf(url, sizeof(url), "redis://127.0.0.1:%d", s->redis.port);
	(void)snprintf(text, sizeof(text),
		"database: {url: dbname=x}\nredis: {limits_url: \"%s\"}\n%s", url, sections);
	buf_init(&faults, 1 << 16);
	if (config_parse("scene.yaml", text, strlen(text), &faults, &s->config) != ERR_OK)
		fail_msg("%s", faults.bytes);
	buf_clear(&faults);
	if (redis)
		redis_start(&s->redis);
	assert_int_equal(loop_new(&s->loop), ERR_OK);
	assert_int_equal(loop_timer_new(s->loop, scene_too_late, s, &s->deadline), ERR_OK);
	assert_int_equal(loop_timer_new(s->loop, scene_step, s, &s->step), ERR_OK);
	for (size_t i = 0; i < SCENE_WORKERS; i++) {
		const struct permits_options options = {.loop = s->loop,
			.config = &s->config,
			.worker = &s->ids[i],
			.wake = scene_woken,
			.owner = s,
			.limit_of = scene_limit,
			.limits = s};

		s->ids[i] = id_new(0);
		assert_int_equal(permits_new(&options, &s->workers[i]), ERR_OK);
	}
	assert_int_equal(loop_after_io_new(s->loop, scene_flush, s, &s->after_io), ERR_OK);
	return s;
}

static inline void scene_free(struct scene *s)
{
	for (size_t i = 0; i < SCENE_WORKERS; i++)
		permits_free(s->workers[i]);
	loop_after_io_free(s->after_io);
	loop_timer_free(s->step);
	loop_timer_free(s->deadline);
	loop_free(s->loop);
	config_release(s->config);
	redis_stop(&s->redis);
	(void)rmdir(s->redis.folder);
	free(s);
}

#endif
