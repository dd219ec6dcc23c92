#include "call.h"
#include "domain/retry.h"
#include "domain/verdict.h"
#include "finisher.h"
#include "ground/clock.h"
#include "ground/digest.h"
#include "job.h"
#include "live.h"
#include "upstreams/upstream.h"
#include "worker.h"
#include "writer.h"

static int32_t span_ms(int64_t from_us, int64_t to_us)
{
	return from_us && to_us >= from_us ? (int32_t)((to_us - from_us) / 1000) : -1;
}

static void timings(const struct job *job, int32_t ms[TIMINGS])
{
	ms[TIMING_ACCEPT] = ms[TIMING_QUEUE] = -1;
	ms[TIMING_ADMIT] = span_ms(job->claimed_us, job->admitted_us);
	ms[TIMING_FIRST_BYTE] = span_ms(job->admitted_us, job->first_us);
	ms[TIMING_STREAM] = span_ms(job->first_us, job->replied_us);
	ms[TIMING_FINISH] = -1; /* until it is sent */
}

/* A further attempt with another key, or at another upstream. */
static bool has_elsewhere(const struct job *job)
{
	return job->elsewhere || (job->key && job->key->upstream->keys_n > 1);
}

/* What becomes of a failed attempt, when it may be tried again. Without an attempt or the time for
 * one the record ends the job itself, and marks it dead. */
static void decide_retry(struct job *job, struct finish *end)
{
	const struct config *c = job->worker->config;
	const struct retry_rule rule = {c->retry.base_ms, c->retry.cap_ms};
	const struct retry_question question = {
		.error = job->error,
		.attempt = job->attempt,
		.attempts_max = job->max_attempts,
		.left_ms = job->deadline_ms == INT64_MAX
				   ? INT64_MAX
				   : job->deadline_ms - loop_now_ms(job->worker->loop),
		.retry_after_ms = job->elsewhere ? 0 : job->retry_after_ms,
		.elsewhere = has_elsewhere(job),
	};
	struct retry_answer answer;
	uint64_t chance;

	digest_random(&chance, sizeof(chance));
	answer = retry_decide(&rule, &question, chance);
	if (answer.verdict == RETRY_NOT || answer.verdict == RETRY_BEYOND) {
		end->as = FINISH_FAILED;
		return;
	}
	end->as = FINISH_RETRY;
	end->waiting_for = job_wait_text(JOB_WAIT_RETRY);
	end->delay_ms = answer.verdict == RETRY_AGAIN ? answer.wait_ms : 0;
}

/* The upstream may not be called yet: the job waits in the record and holds nothing here. */
static void decide_parked(const struct job *job, struct finish *end)
{
	end->as = FINISH_PARKED;
	end->delay_ms = job->park_ms;
	end->line = job->park_line;
	end->waiting_for = job_wait_text(job->park_wait);
	end->model = job->model;
	if (job->key)
		end->upstream = job->key->upstream->name;
}

static void decide(struct job *job, struct finish *end)
{
	end->error = job->error;
	if (!job->error)
		end->as = FINISH_COMPLETED;
	else if (job->park_ms)
		decide_parked(job, end);
	else if (job->error == ERR_INTERRUPTED)
		end->as = FINISH_INTERRUPTED;
	else if (job->error == ERR_DEADLINE)
		end->as = FINISH_EXPIRED;
	else
		decide_retry(job, end);
}

/* Every piece of text has its number before the attempt ends, and it is known which of them the
 * record has. False: that must come first. */
static bool text_is_told(struct job *job)
{
	live_tell(job->worker->live, job);
	if (job->output.told == job_text(job)->len && !job->appending && !job->output.doubted)
		return true;
	if (!job->appending)
		writer_add(job->worker->writer, job);
	return false;
}

static void ask(struct job *job)
{
	struct finish *end = &job->end;

	*end = (struct finish){.tenant = job->tenant, .job = job->id, .fence = job->fence};
	decide(job, end);
	end->event_last = job->output.next;
	if (job->result)
		end->decision = released_decision(job->result);
	if (job->call)
		end->upstream_status = job->call->status;
	end->retry_after_ms = job->retry_after_ms;
	end->held_by = under_way_held_by(job);
	call_usage(job, end);
	timings(job, end->timings_ms);
	job->ending = ENDING_ASKED;
	finisher_add(job->worker->finisher, job);
}

enum step_result step_finish(struct job *job)
{
	if (job->ending == ENDING_TOLD)
		return STEP_DONE;
	if (job->ending == ENDING_NOT_ASKED && text_is_told(job))
		ask(job);
	return STEP_WAIT;
}
