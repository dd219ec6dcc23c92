/* permit_asks.h - jobs of a scene that ask for leave, and how their calls end.
 *
 * Threads: one.  Memory: values. */
#ifndef TEST_PERMIT_ASKS_H
#define TEST_PERMIT_ASKS_H

#include "permit_scene.h"
#include "upstreams/permit_view.h"

/* One ask of a new job: a first attempt for a model, with a key. */
static inline struct permit_verdict scene_ask(
	struct scene *s, size_t worker, const char *key, const char *model, struct permit *permit)
{
	const struct permit_ask ask = {.upstream = &s->config->upstreams[0],
		.key = key,
		.model = model,
		.ceiling = 1000,
		.input_bytes = 40};

	*permit = (struct permit){.scope = NULL};
	return permit_take(s->workers[worker], permit, &ask);
}

static inline void scene_end(struct scene *s, size_t worker, struct permit *permit, enum err e,
	int status, int64_t retry_after_ms)
{
	const struct permit_outcome outcome = {.err = e,
		.status = status,
		.retry_after_ms = retry_after_ms,
		.tokens = -1,
		.output_tokens = -1};

	permit_end(s->workers[worker], permit, &outcome);
}

/* A call that PAYER_UPSTREAM's one upstream takes, of PAYER_CALL tokens. */
#define PAYER_UPSTREAM \
	"upstreams: [{name: up, base_url: \"http://127.0.0.1:1/v1\", models: [\"*\"]}]\n"
enum { PAYER_CALL = 100 };

/* One ask as a principal of the tenant who holds these roles; NULL: nobody asked who. */
static inline struct permit_verdict scene_ask_as(struct scene *s, size_t worker, struct id tenant,
	const char *principal, struct permit *permit)
{
	const struct permit_ask ask = {.upstream = &s->config->upstreams[0],
		.key = "a",
		.model = "m",
		.ceiling = 1000000,
		.input_bytes = 40,
		.output_max = PAYER_CALL - 10,
		.tenant = tenant,
		.principal = principal};

	return permit_take(s->workers[worker], permit, &ask);
}

static inline void scene_end_booked(
	struct scene *s, size_t worker, struct permit *permit, double booked)
{
	const struct permit_outcome outcome = {
		.status = 200, .tokens = -1, .output_tokens = -1, .booked = booked};

	permit_end(s->workers[worker], permit, &outcome);
}

/* Asks, and gives back what it got. True: it was granted. */
static inline bool scene_try(
	struct scene *s, size_t worker, const char *key, const char *model, enum err e, int status)
{
	struct permit permit;
	const struct permit_verdict verdict = scene_ask(s, worker, key, model, &permit);

	s->last = verdict.by;
	scene_end(s, worker, &permit, e, status, 0);
	return verdict.answer == PERMIT_GRANTED;
}

#endif
