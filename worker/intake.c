#include "intake.h"

#include "claim.h"
#include "counts.h"
#include "domain/halving.h"
#include "ground/clock.h"
#include "ground/log.h"
#include "holding.h"
#include "job.h"
#include "live.h"
#include "memory.h"
#include "sealing.h"
#include "stop_point.h"
#include "upstreams/upstream_request.h"
#include "work.h"
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_MS = 200, ROOM_MS = 20, SEALED_SOON_MS = 1000, PRINCIPAL_KIND_MAX = 8 };

/* Jobs whose inputs are asked for. */
struct intake {
	struct ring link; /* in worker->intakes */
	struct worker *worker;
	struct loop_timer *timer; /* while the record is away, or there is no room */
	size_t n;
	struct halving halving; /* how many of them are asked for together */
	struct job **jobs;
	struct job_key keys[];
};

static void intake_free(struct intake *in)
{
	ring_leave(&in->link);
	loop_timer_free(in->timer);
	free(in->jobs);
	free(in);
}

static void intake_ask(void *owner);

/* Appends what a sealed value holds; none is nothing. */
static enum err value_open(const struct sealed_box *box, struct sealed_where where,
	const struct db_bytes *sealed, struct buf *out)
{
	struct sealed_view view;
	enum err e;

	if (!sealed->bytes)
		return ERR_OK;
	e = sealed_open(box, where, sealed->bytes, sealed->len, &view);
	if (e)
		return e;
	buf_init(out, view.len + 1);
	e = buf_append(out, view.bytes, view.len);
	sealed_view_clear(&view);
	return e;
}

/* From before there were keys: the leader seals it within a moment, under a key of its subject. */
static bool awaits_key(const struct job *job)
{
	return id_is_zero(job->data_key.id) && !sealed_key_there(&job->data_key) &&
	       !sealed_is_off() && !keyring_refuses_clear(job->worker->keyring);
}

static void input_give(struct job *job, const struct claim_input *row)
{
	const struct sealed_where input = {SEALED_INPUT, job->id, 0};
	const struct sealed_where fallback = {SEALED_FALLBACK, job->id, 0};
	struct sealed_box box;
	enum err e;

	job->data_key = row->key;
	sealing_open(&box, job);
	/* without a key its answer could not be kept: not even asked for */
	e = box.there || sealed_is_off() ? ERR_OK : ERR_SEALING;
	if (!e)
		e = value_open(&box, input, &row->input, &job->input);
	if (!e)
		e = value_open(&box, fallback, &row->fallback, &job->fallback);
	sealed_box_close(&box);
	if (e == ERR_SEALING && awaits_key(job)) {
		job->park_ms = SEALED_SOON_MS;
		job->park_wait = JOB_WAIT_SEALING;
	}
	if (!e && job->kind->runner == KIND_RUNS_UPSTREAM)
		job->output_max =
			upstream_output_max((struct json_text){job->input.bytes, job->input.len});
	memory_learn(job); /* the next claim shall know */
	if (e)
		job_fail(job, e);
}

/* Rows come in the order of the keys, so each search goes on where the last one ended. */
static const struct claim_input *row_of(
	const struct job *job, const struct claim_input *rows, size_t n, size_t *at)
{
	for (size_t i = *at; i < n; i++) {
		if (!id_equal(rows[i].job, job->id))
			continue;
		*at = i + 1;
		return &rows[i];
	}
	return NULL;
}

/* The job walks with its input, or fails for want of it. */
static void input_start(struct job *job, const struct claim_input *row)
{
	if (!row || !row->input.bytes)
		job_fail(job, ERR_INTERNAL);
	else if (!job->gone)
		input_give(job, row);
	job_resume(job);
}

static void intake_keep(struct intake *in, size_t kept, size_t i)
{
	in->jobs[kept] = in->jobs[i];
	in->keys[kept] = in->keys[i];
}

static void input_refused(struct job *job)
{
	log_error("the record refuses to give a job's input", LOG_ID("job", "job", job->id));
	job_fail(job, ERR_DB_DATA);
	job_resume(job);
}

/* Those that waited too long, or were cancelled meanwhile, are not asked for. */
static void gone_leave(struct intake *in)
{
	size_t kept = 0;

	for (size_t i = 0; i < in->n; i++)
		if (in->jobs[i]->gone)
			job_unpin(in->jobs[i]);
		else
			intake_keep(in, kept++, i);
	in->worker->memory.unloaded -= in->n - kept;
	in->n = kept;
}

/* Each piece on its way is expected to be full. */
static bool has_room(const struct worker *w)
{
	const size_t coming = w->pieces_asked * (size_t)LEASE_INPUTS_BYTES;

	return worker_memory_held(w) + coming < worker_memory_target(w);
}

static size_t asked_n(const struct intake *in)
{
	return halving_most(&in->halving, in->n);
}

/* What did not fit, or was not asked for yet, is asked for next. */
static void inputs_start(struct intake *in, const struct claim_input *rows, size_t n)
{
	const size_t asked = asked_n(in);
	size_t at = 0, kept = 0;

	for (size_t i = 0; i < in->n; i++) {
		struct job *job = in->jobs[i];
		const struct claim_input *row = i < asked ? row_of(job, rows, n, &at) : NULL;

		if (i >= asked || (row && row->waits)) {
			intake_keep(in, kept++, i);
			continue;
		}
		in->worker->memory.unloaded--;
		input_start(job, row);
		job_unpin(job);
	}
	in->n = kept;
	halving_taken(&in->halving, kept);
}

/* By halves, until the job that owns the value stands alone. */
static void inputs_refused(struct intake *in)
{
	struct job *job = in->jobs[0];

	if (!halving_refused(&in->halving, asked_n(in)))
		return;
	in->worker->memory.unloaded--;
	for (size_t i = 1; i < in->n; i++)
		intake_keep(in, i - 1, i);
	in->n--;
	input_refused(job);
	job_unpin(job);
}

static void on_inputs(void *ctx, enum err e, const struct claim_input *rows, size_t n)
{
	struct intake *in = ctx;

	in->worker->pieces_asked--;
	if (e && e != ERR_DB_DATA) {
		log_warn("inputs cannot be read yet", LOG_INT("jobs", (int64_t)in->n), LOG_ERR(e));
		loop_timer_start(in->timer, RETRY_MS);
		return;
	}
	loop_work(in->worker->loop, WORK_intake);
	if (e)
		inputs_refused(in);
	else
		inputs_start(in, rows, n);
	intake_ask(in);
}

static void intake_ask(void *owner)
{
	struct intake *in = owner;
	struct worker *w = in->worker;

	gone_leave(in);
	if (in->n == 0)
		intake_free(in);
	else if (!has_room(w))
		loop_timer_start(in->timer, ROOM_MS);
	else if (lease_inputs(worker_db_claim(w), in->keys, asked_n(in), on_inputs, in))
		loop_timer_start(in->timer, RETRY_MS);
	else
		w->pieces_asked++;
}

static struct intake *intake_new(struct worker *w, size_t room)
{
	struct intake *in = calloc(1, sizeof(*in) + room * sizeof(in->keys[0]));

	if (!in)
		return NULL;
	in->worker = w;
	in->jobs = calloc(room, sizeof(struct job *));
	if (!in->jobs || loop_timer_new(w->loop, intake_ask, in, &in->timer) != ERR_OK) {
		free(in->jobs);
		free(in);
		return NULL;
	}
	ring_join(&w->intakes, &in->link);
	return in;
}

static int64_t later(int64_t now, int64_t in_ms)
{
	return in_ms <= 0 || in_ms > INT64_MAX - now ? INT64_MAX : now + in_ms;
}

/* "usr_... role role"; stays NULL where nobody limits what users or roles use. ERR_NOMEM */
static enum err principal_write(const struct claim *c, char **ret_text)
{
	const size_t prefix = c->holds ? strcspn(c->holds, " ") : 0;
	char kind[PRINCIPAL_KIND_MAX] = "", name[ID_TEXT_MAX], *text;

	if (!prefix || prefix >= sizeof(kind))
		return ERR_OK;
	memcpy(kind, c->holds, prefix);
	id_format(kind, c->principal, name);
	if (asprintf(&text, "%s%s", name, c->holds + prefix) < 0)
		return ERR_NOMEM;
	*ret_text = text;
	return ERR_OK;
}

static void facts(struct job *job, struct worker *w, const struct claim *c)
{
	const int64_t now = loop_now_ms(w->loop);

	job->worker = w;
	job->holder = w->incarnation;
	job->fence = c->fence;
	job->kind = kind_find(c->kind);
	job->attempt = c->attempt;
	job->max_attempts = c->max_attempts;
	job->timeout_ms = later(now, c->attempt_timeout_ms);
	job->deadline_ms = c->deadline_left_ms <= 0 ? now : later(now, c->deadline_left_ms);
	job->claimed_us = clock_us();
	job->queue = counts_queue(w->counts, c->queue_id);
	job->queue->claimed++;
	histogram_add(&job->queue->wait_us, HISTOGRAM_SLOW, c->queued_ms * 1000);
	output_open(&job->output, c->event_from, c->event_to);
	buf_init(&job->words, 2 * (size_t)w->config->limits.upstream_message_bytes + 1);
	if (c->model && c->model[0] && !(job->model = strdup(c->model)))
		job_fail(job, ERR_NOMEM);
	if (c->told_model && !(job->told_model = strdup(c->told_model)))
		job_fail(job, ERR_NOMEM);
	if (principal_write(c, &job->principal))
		job_fail(job, ERR_NOMEM);
	if (!job->kind) {
		job->kind = kind_find("noop");
		job_fail(job, ERR_UNKNOWN_KIND);
	}
	if (c->forbidden)
		job_fail(job, ERR_FORBIDDEN);
}

static struct job *hold(struct worker *w, const struct claim *c)
{
	struct job *old = job_table_find(&w->jobs, c->job);
	struct job *job;

	if (old)
		holding_lost(old);
	job = job_table_add(&w->jobs, c->tenant, c->job, c->queue_id);
	if (job)
		facts(job, w, c);
	else
		log_error("no memory to hold a job", LOG_ID("job", "job", c->job));
	return job;
}

static void intake_add(struct intake *in, struct job *job)
{
	in->keys[in->n] = (struct job_key){job->tenant, job->id};
	in->jobs[in->n++] = job;
	job_pin(job);
}

void intake_take(struct worker *w, const struct claim *claims, size_t n)
{
	struct intake *in = intake_new(w, n);

	if (!in) {
		log_error("no memory for a claim", LOG_INT("jobs", (int64_t)n));
		claim_doubt(w->claim);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct job *job = hold(w, &claims[i]);

		if (!job) {
			claim_doubt(w->claim);
			continue;
		}
		live_state(w->live, job, job_state_text(JOB_RUNNING));
		stop_point(job, STOP_AFTER_CLAIM);
		if (job->kind->runner != KIND_RUNS_UPSTREAM || claims[i].forbidden)
			job_resume(job);
		else if (claims[i].input)
			input_start(job, claims[i].input);
		else
			intake_add(in, job);
	}
	w->memory.unloaded += in->n;
	intake_ask(in);
}

void intake_drop_all(struct worker *w)
{
	while (w->intakes.next && !ring_empty(&w->intakes)) {
		struct intake *in = RING_OF(w->intakes.next, struct intake, link);

		for (size_t i = 0; i < in->n; i++)
			job_unpin(in->jobs[i]);
		intake_free(in);
	}
}
