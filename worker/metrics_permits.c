#include "metrics_permits.h"

#include "upstreams/permit_view.h"
#include "upstreams/upstream.h"
#include "worker.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct of_key {
	const char *upstream, *label;
	bool aside;
	double left[RATES]; /* INFINITY = no limit */
};

/* What is one number an upstream. */
enum figure { LIMIT, WAITING, PARKED, RETRIES, FIGURES };

struct of_upstream {
	const char *name;
	bool asked; /* something was asked of it: what follows is known */
	double figures[FIGURES], breakers[BREAKER_STATES];
};

struct sums {
	struct of_upstream *upstreams;
	struct of_key *keys;
	size_t upstreams_n, keys_n;
};

/* ---- adding up ---- */

static struct of_upstream *upstream_of(struct sums *s, const char *name)
{
	for (size_t i = 0; i < s->upstreams_n; i++)
		if (strcmp(s->upstreams[i].name, name) == 0)
			return &s->upstreams[i];
	return NULL;
}

static struct of_key *key_of(struct sums *s, const char *upstream, const char *label)
{
	for (size_t i = 0; i < s->keys_n; i++)
		if (strcmp(s->keys[i].label, label) == 0 &&
			strcmp(s->keys[i].upstream, upstream) == 0)
			return &s->keys[i];
	return NULL;
}

static void add_scope(void *owner, const struct permit_view *view)
{
	struct of_upstream *up = upstream_of(owner, view->upstream);
	struct of_key *key = key_of(owner, view->upstream, view->key);

	if (up) {
		up->figures[WAITING] += (double)view->waiting;
		up->figures[LIMIT] = fmin(up->figures[LIMIT], (double)view->limit);
	}
	for (size_t i = 0; key && i < RATES; i++)
		if (view->left[i] >= 0)
			key->left[i] = fmin(key->left[i], view->left[i]);
}

static void add_upstream(void *owner, const struct permit_upstream_view *view)
{
	struct of_upstream *up = upstream_of(owner, view->upstream);

	if (!up)
		return;
	up->asked = true;
	up->figures[PARKED] = (double)view->parked;
	up->figures[RETRIES] = view->retries_left;
}

static void add_guard(void *owner, const struct permit_guard_view *view)
{
	struct of_upstream *up = upstream_of(owner, view->upstream);
	struct of_key *key = view->key ? key_of(owner, view->upstream, view->label) : NULL;

	if (up && !view->key)
		up->breakers[view->state]++;
	if (key)
		key->aside = view->state != BREAKER_CLOSED;
}

static bool sums_take(struct sums *s, const struct worker *w)
{
	const struct upstreams *ups = w->upstreams;
	size_t keys = 0;

	for (size_t i = 0; i < ups->n; i++)
		keys += ups->list[i]->keys_n;
	*s = (struct sums){.upstreams = calloc(ups->n + 1, sizeof(*s->upstreams)),
		.keys = calloc(keys + 1, sizeof(*s->keys))};
	if (!s->upstreams || !s->keys)
		return false;
	for (size_t i = 0; i < ups->n; i++) {
		const struct upstream *up = ups->list[i];

		s->upstreams[s->upstreams_n++] =
			(struct of_upstream){.name = up->name, .figures[LIMIT] = INFINITY};
		for (size_t k = 0; k < up->keys_n; k++)
			s->keys[s->keys_n++] = (struct of_key){
				up->name, up->keys[k]->label, false, {INFINITY, INFINITY}};
	}
	permits_each(w->permits, add_scope, s);
	permits_each_upstream(w->permits, add_upstream, s);
	permits_each_guard(w->permits, add_guard, s);
	return true;
}

/* ---- telling: all samples of one metric together ---- */

static void put_of_upstream(
	struct metric_text *text, enum metric metric, const struct sums *s, enum figure figure)
{
	for (size_t i = 0; i < s->upstreams_n; i++) {
		const struct of_upstream *up = &s->upstreams[i];
		const double value = up->figures[figure];

		if (up->asked && isfinite(value))
			metric_real(text, metric, METRIC_LABELS(up->name), value);
	}
}

static void put_breakers(struct metric_text *text, const struct sums *s)
{
	for (size_t i = 0; i < s->upstreams_n; i++)
		for (int k = 0; s->upstreams[i].asked && k < BREAKER_STATES; k++)
			metric_real(text, METRIC_BREAKERS,
				METRIC_LABELS(s->upstreams[i].name,
					breaker_state_text((enum breaker_state)k)),
				s->upstreams[i].breakers[k]);
}

static void put_keys(struct metric_text *text, const struct sums *s)
{
	static const char *const rates[RATES] = {
		[RATE_REQUESTS] = "requests", [RATE_TOKENS] = "tokens"};

	for (size_t i = 0; i < s->keys_n; i++)
		metric_real(text, METRIC_KEY_USABLE,
			METRIC_LABELS(s->keys[i].upstream, s->keys[i].label), !s->keys[i].aside);
	for (size_t i = 0; i < s->keys_n; i++)
		for (size_t k = 0; k < RATES; k++)
			if (isfinite(s->keys[i].left[k]))
				metric_real(text, METRIC_QUOTA_LEFT,
					METRIC_LABELS(
						s->keys[i].upstream, s->keys[i].label, rates[k]),
					s->keys[i].left[k]);
}

void metrics_permits(struct metric_text *text, const struct worker *w)
{
	static const enum metric of_upstream[FIGURES] = {[LIMIT] = METRIC_CALLS_LIMIT,
		[WAITING] = METRIC_PERMITS_WAITING,
		[PARKED] = METRIC_JOBS_PARKED,
		[RETRIES] = METRIC_RETRIES_LEFT};
	struct sums s;

	if (sums_take(&s, w)) {
		for (int i = 0; i < FIGURES; i++)
			put_of_upstream(text, of_upstream[i], &s, (enum figure)i);
		put_breakers(text, &s);
		put_keys(text, &s);
		metric_real(text, METRIC_LIMITS_SHARED, NULL, permits_are_shared(w->permits));
	}
	free(s.upstreams);
	free(s.keys);
}
