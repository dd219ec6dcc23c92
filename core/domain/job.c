#include "domain/job.h"

#include <stddef.h>
#include <string.h>

#define JOB_STATE_ROW(name, text, terminal) [JOB_##name] = {text, terminal},
static const struct {
	const char *text;
	bool terminal;
} job_states[JOB_STATES] = {JOB_STATE_TABLE(JOB_STATE_ROW)};
#undef JOB_STATE_ROW

/* Bit n of row s: may s become state n? */
#define TO(s) (1U << JOB_##s)
#define ENDS  (TO(FAILED) | TO(CANCELLED) | TO(EXPIRED))
static const unsigned job_edges[JOB_STATES] = {
	/* A claim; a later run_at or a limit; revoked rights fail a job before it runs. */
	[JOB_QUEUED] = TO(RUNNING) | TO(WAITING) | ENDS,
	[JOB_WAITING] = TO(QUEUED) | ENDS,
	/* Back to queued by a drain or a lost worker, to waiting by a retry. */
	[JOB_RUNNING] = TO(QUEUED) | TO(WAITING) | TO(COMPLETED) | ENDS,
	[JOB_COMPLETED] = 0,
	/* Only a retry by hand; to waiting when the job's run_at lies ahead. */
	[JOB_FAILED] = TO(QUEUED) | TO(WAITING),
	[JOB_CANCELLED] = TO(QUEUED) | TO(WAITING),
	[JOB_EXPIRED] = TO(QUEUED) | TO(WAITING),
};
#undef ENDS
#undef TO

static bool job_state_known(enum job_state s)
{
	return (unsigned)s < JOB_STATES;
}

const char *job_state_text(enum job_state s)
{
	return job_state_known(s) ? job_states[s].text : "unknown";
}

enum job_state job_state_from_text(const char *text)
{
	for (unsigned s = 0; text != NULL && s < JOB_STATES; s++) {
		if (strcmp(job_states[s].text, text) == 0)
			return (enum job_state)s;
	}
	return JOB_STATES;
}

bool job_state_terminal(enum job_state s)
{
	return job_state_known(s) && job_states[s].terminal;
}

bool job_state_may(enum job_state from, enum job_state to)
{
	return job_state_known(from) && job_state_known(to) && (job_edges[from] >> to & 1U) != 0;
}

#define JOB_WAIT_ROW(name, text) [JOB_WAIT_##name] = text,
static const char *const job_waits[JOB_WAITS] = {JOB_WAIT_TABLE(JOB_WAIT_ROW)};
#undef JOB_WAIT_ROW

const char *job_wait_text(enum job_wait w)
{
	return (unsigned)w < JOB_WAITS ? job_waits[w] : "";
}

enum job_wait job_wait_from_text(const char *text)
{
	for (unsigned w = 0; text != NULL && w < JOB_WAITS; w++) {
		if (strcmp(job_waits[w], text) == 0)
			return (enum job_wait)w;
	}
	return JOB_WAITS;
}

bool job_queue_name_valid(const char *text, size_t len)
{
	if (len == 0 || len > JOB_QUEUE_MAX || text[0] == '.' || text[0] == '-' || text[0] == '_')
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' &&
			c != '.')
			return false;
	}
	return true;
}
