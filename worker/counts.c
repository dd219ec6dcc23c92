#include "counts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char OTHER[] = "other";

/* What can stand in a label. */
static void name_take(const char *from, char out[COUNTS_NAME_ROOM])
{
	snprintf(out, COUNTS_NAME_ROOM, "%s", from);
	for (char *c = out; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

enum err counts_new(struct counts **ret_counts)
{
	struct counts *c = calloc(1, sizeof(*c));

	if (!c)
		return ERR_NOMEM;
	c->queues = calloc(COUNTS_QUEUES_MAX + 1, sizeof(*c->queues));
	c->upstreams = calloc(COUNTS_UPSTREAMS_MAX + 1, sizeof(*c->upstreams));
	if (!c->queues || !c->upstreams) {
		counts_free(c);
		return ERR_NOMEM;
	}
	name_take("none", c->upstreams[0].name);
	c->upstreams_n = 1;
	*ret_counts = c;
	return ERR_OK;
}

void counts_free(struct counts *counts)
{
	if (!counts)
		return;
	free(counts->queues);
	free(counts->upstreams);
	free(counts);
}

/* ---- queues ---- */

struct queue_counts *counts_queue(struct counts *c, int32_t id)
{
	size_t i = 0;

	while (i < c->queues_n && c->queues[i].id != id)
		i++;
	if (i < c->queues_n)
		return &c->queues[i];
	if (i == COUNTS_QUEUES_MAX)
		id = 0; /* the last place is everybody's */
	else
		c->queues_n++;
	c->queues[i].id = id;
	if (id)
		snprintf(c->queues[i].name, sizeof(c->queues[i].name), "%d", (int)id);
	else
		snprintf(c->queues[i].name, sizeof(c->queues[i].name), "%s", OTHER);
	return &c->queues[i];
}

void counts_name_queues(struct counts *c, const struct queue *queues, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct queue_counts *q = counts_queue(c, queues[i].id);

		if (q->id == queues[i].id)
			snprintf(q->name, sizeof(q->name), "%s", queues[i].name);
	}
}

/* ---- upstreams and models ---- */

static struct upstream_counts *upstream_of(struct counts *c, const char *upstream)
{
	char name[COUNTS_NAME_ROOM];
	size_t i = upstream ? 1 : 0;

	name_take(upstream ? upstream : "none", name);
	while (i < c->upstreams_n && strcmp(c->upstreams[i].name, name) != 0)
		i++;
	if (i < c->upstreams_n)
		return &c->upstreams[i];
	if (i < COUNTS_UPSTREAMS_MAX)
		c->upstreams_n++;
	name_take(i < COUNTS_UPSTREAMS_MAX ? name : OTHER, c->upstreams[i].name);
	return &c->upstreams[i];
}

static bool is_model(
	const struct model_counts *m, const struct upstream_counts *upstream, const char *name)
{
	return m->upstream == upstream && strcmp(m->name, name) == 0;
}

static struct model_counts *model_of(
	struct counts *c, const struct upstream_counts *upstream, const char *model)
{
	char name[COUNTS_NAME_ROOM];
	size_t i = 0;

	name_take(model, name);
	if (c->model_last < c->models_n && is_model(&c->models[c->model_last], upstream, name))
		return &c->models[c->model_last];
	while (i < c->models_n && !is_model(&c->models[i], upstream, name))
		i++;
	if (i == COUNTS_MODELS_MAX) {
		upstream = &c->upstreams[0];
		name_take(OTHER, name);
	}
	if (i == c->models_n && i < COUNTS_MODELS_MAX)
		c->models_n++;
	c->model_last = i;
	c->models[i].upstream = upstream;
	memcpy(c->models[i].name, name, sizeof(name));
	return &c->models[i];
}

static void count_usage(
	struct counts *c, const struct upstream_counts *upstream, const struct finish *end)
{
	const char *model = end->called_model ? end->called_model : end->model;
	struct model_counts *m;

	/* a name that no upstream has answered for is only a caller's word */
	if (!end->upstream || !model || (end->upstream_status != 200 && !end->output_tokens))
		return;
	m = model_of(c, upstream, model);
	m->input_tokens += end->input_tokens;
	m->output_tokens += end->output_tokens;
	m->cost_nano += end->cost_nano;
}

/* ---- ends and claims ---- */

static void count_times(struct upstream_counts *up, const int32_t ms[TIMINGS])
{
	const int64_t first_us = (int64_t)ms[TIMING_FIRST_BYTE] * 1000;

	if (first_us < 0)
		return;
	histogram_add(&up->first_us, HISTOGRAM_SLOW, first_us);
	if (ms[TIMING_STREAM] >= 0)
		histogram_add(
			&up->call_us, HISTOGRAM_SLOW, first_us + (int64_t)ms[TIMING_STREAM] * 1000);
}

void counts_end(struct counts *c, struct queue_counts *queue, const struct finish *end)
{
	struct upstream_counts *up = upstream_of(c, end->upstream);

	if (end->outcome == ERR_LOST) {
		queue->lost++;
		return;
	}
	c->ended++;
	queue->ended[end->state]++;
	up->attempts[end->error]++;
	up->retries += end->as == FINISH_RETRY && end->state == JOB_WAITING;
	count_times(up, end->timings_ms);
	count_usage(c, up, end);
}

void counts_claim(struct counts *c, enum claim_way way, enum err e, size_t jobs, int64_t us)
{
	struct claim_counts *claims = &c->claims[way];

	if (e) {
		claims->failed++;
		return;
	}
	if (jobs)
		histogram_add(&claims->jobs, HISTOGRAM_SIZE, (int64_t)jobs);
	histogram_add(&claims->took_us, HISTOGRAM_FAST, us);
}

void counts_finish(struct counts *c, enum err e, size_t jobs, int64_t us)
{
	if (e) {
		c->finish_failed++;
		return;
	}
	histogram_add(&c->finish_jobs, HISTOGRAM_SIZE, (int64_t)jobs);
	histogram_add(&c->finish_took_us, HISTOGRAM_FAST, us);
}
