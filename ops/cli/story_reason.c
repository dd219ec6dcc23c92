#include "story_reason.h"

#include "domain/job.h"

#include <string.h>

static const char *word(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));

	return text ? text : "";
}

static int64_t number(const json_t *object, const char *member)
{
	return json_integer_value(json_object_get(object, member));
}

static bool is_state(const json_t *object, enum job_state state)
{
	return job_state_from_text(word(object, "state")) == state;
}

static enum err error_of(const json_t *attempt)
{
	return err_from_code(word(json_object_get(attempt, "error"), "code"));
}

bool story_is_parked(const json_t *attempt)
{
	const enum job_wait wait = job_wait_from_text(word(attempt, "waiting_for"));

	return is_state(attempt, JOB_WAITING) &&
	       (wait == JOB_WAIT_BREAKER || wait == JOB_WAIT_KEY || wait == JOB_WAIT_LIMIT);
}

static bool is_in_review(const json_t *attempt)
{
	return job_wait_from_text(word(attempt, "waiting_for")) == JOB_WAIT_REVIEW;
}

/* Why an attempt that did not end its job ended, by the error table's fate. */
static const char *reason_to_go_on(const json_t *attempt)
{
	if (story_is_parked(attempt))
		return "nothing was sent: the attempt does not count";
	if (is_state(attempt, JOB_QUEUED))
		return "its worker handed it back: the attempt does not count";
	if (err_fate(error_of(attempt)) == FATE_ELSEWHERE)
		return "another key or upstream may do: it is tried again";
	return "such an error may pass: it is tried again";
}

static const char *reason_to_fail(const json_t *job, const json_t *attempt)
{
	const enum fate fate = err_fate(error_of(attempt));
	const bool last = number(attempt, "number") >= number(job, "max_attempts");

	if (fate == FATE_RETRY)
		return last ? "its attempts are used up" : "no time was left before its deadline";
	if (fate != FATE_ELSEWHERE)
		return "such an error stays: another attempt would end the same";
	return last ? "its attempts are used up" : "no other key or upstream is there to try";
}

const char *story_reason(const json_t *job, const json_t *attempt)
{
	const char *by = word(attempt, "ended_by");

	if (is_state(attempt, JOB_COMPLETED))
		return "the answer is whole";
	if (strcmp(by, "reaper") == 0 && is_in_review(attempt))
		return "the record lost what was committed last, perhaps its end: it waits for an "
		       "operator's word";
	if (strcmp(by, "reaper") == 0)
		return is_state(attempt, JOB_QUEUED) ? "its worker is gone: another one takes it"
						     : "it took its workers down";
	if (strcmp(by, "cancel") == 0)
		return "somebody cancelled it";
	if (is_state(attempt, JOB_EXPIRED))
		return "its deadline passed";
	if (is_state(attempt, JOB_WAITING) || is_state(attempt, JOB_QUEUED))
		return reason_to_go_on(attempt);
	return reason_to_fail(job, attempt);
}
