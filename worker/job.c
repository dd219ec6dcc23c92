#include "job.h"

#include "call.h"
#include "domain/verdict.h"
#include "finisher.h"
#include "ground/clock.h"
#include "ground/log.h"
#include "job_magic.h"
#include "memory.h"
#include "upstreams/upstream.h"
#include "work.h"
#include "worker.h"

#include <stdlib.h>

static const struct {
	const char *name;
	enum step_result (*run)(struct job *job);
} steps[] = {
#define STEP_ROW(step) {#step, step_##step},
	STEP_TABLE(STEP_ROW)
#undef STEP_ROW
};

const char *step_text(enum step step)
{
	return step < STEPS ? steps[step].name : "none";
}

const struct buf *job_text(const struct job *job)
{
	static const struct buf nothing = {.len = 0};
	const struct buf *text = job->call ? call_text(job->call) : NULL;

	return text ? text : &nothing;
}

/* What must be true between any two steps. */
static bool job_is_sound(const struct job *job)
{
	return job->step < STEPS && job->kind && job->fence > 0 &&
	       job->output.next <= job->output.last &&
	       (job->step == STEP_finish || job->ending == ENDING_NOT_ASKED);
}

static void job_free(struct job *job)
{
	struct worker *w = job->worker;

	memory_forget(job);
	job_call_free(job);
	ring_leave(&job->waiting);
	ring_leave(&job->writing);
	ring_leave(&job->dirty);
	released_free(job->result);
	upstream_key_release(job->key);
	under_way_clear(&job->under_way);
	free(job->model);
	free(job->told_model);
	free(job->principal);
	free(job->called_model);
	free(job->fallback_model);
	buf_clear(&job->fallback);
	buf_clear(&job->input);
	buf_clear(&job->body);
	buf_clear(&job->words);
	output_clear(&job->output);
	job_table_forget(&w->jobs, job);
	job_table_recycle(&w->jobs, job);
	worker_slot_freed(w);
}

static enum step_result job_step(struct job *job)
{
	struct crash_note_file *note = &job->worker->note;
	struct loop *loop = job->worker->loop;
	enum step_result result;
	unsigned before;

	if (!job_is_sound(job)) {
		log_error("a job is out of order", LOG_ID("job", "job", job->id),
			LOG_TEXT("step", step_text(job->step)));
		job->step = STEP_finish;
		job_fail(job, ERR_INTERNAL);
	}
	if (job->error)
		job->step = STEP_finish;
	before = loop_work(loop, work_of_step(job->step));
	crash_note_enter(note, job->tenant, job->id, job->fence);
	result = steps[job->step].run(job);
	crash_note_leave(note);
	loop_work(loop, before);
	memory_weigh(job);
	if (result == STEP_NEXT)
		job->step = job->error ? STEP_finish : job->step + 1;
	return result;
}

void job_resume(struct job *job)
{
	enum step_result result;

	if (job->magic != JOB_MAGIC || job->gone)
		return;
	job->again = true;
	if (job->walking)
		return;
	job->walking = true;
	do {
		job->again = false;
		result = job_step(job);
	} while (!job->gone && result != STEP_DONE && (result == STEP_NEXT || job->again));
	job->walking = false;
	if (result == STEP_DONE)
		job->gone = true;
	if (job->gone && !job->pins)
		job_free(job);
}

void job_fail(struct job *job, enum err e)
{
	if (!job->error)
		job->error = e;
}

void job_call_free(struct job *job)
{
	call_leave_upstream(job);
	call_free(job->call);
	job->call = NULL;
}

void job_end(struct job *job, enum err e)
{
	if (job->ending != ENDING_NOT_ASKED || job->gone)
		return;
	ring_leave(&job->waiting);
	job_fail(job, e);
	call_cut(job);
	job_resume(job);
}

void job_drop(struct job *job)
{
	if (job->gone)
		return;
	job->gone = true;
	if (job->ending == ENDING_ASKED)
		finisher_remove(job->worker->finisher, job);
	ring_leave(&job->waiting);
	ring_leave(&job->writing);
	ring_leave(&job->dirty);
	ring_leave(&job->under_way.calling);
	call_cut(job);
	job_table_forget(&job->worker->jobs, job);
	worker_slot_freed(job->worker);
	if (!job->walking && !job->pins)
		job_free(job);
}

void job_pin(struct job *job)
{
	job->pins++;
}

void job_unpin(struct job *job)
{
	if (--job->pins == 0 && job->gone && !job->walking)
		job_free(job);
}
