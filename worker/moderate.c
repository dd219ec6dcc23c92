#include "call.h"
#include "domain/verdict.h"
#include "job.h"
#include "worker.h"

enum { ROOM = 64 };

/* A job without a call has an empty object for a result; it takes the same way out. */
static enum err judge(struct job *job, struct verdict *verdict)
{
	static const char nothing[] = "{}";
	const char *body = job->call ? job->body.bytes : nothing;
	const size_t len = job->call ? job->body.len : sizeof(nothing) - 1;
	enum err e = released_new(len + ROOM, &job->result);

	if (!e)
		e = verdict_whole(verdict, body, len, job->result);
	return e;
}

/* The verdict on the whole: without its decision the record takes no result. */
enum step_result step_moderate(struct job *job)
{
	struct verdict *own = NULL;
	enum err e = job->call ? ERR_OK : verdict_new(&own);

	if (!e)
		e = judge(job, job->call ? job->call->verdict : own);
	if (e)
		job_fail(job, e);
	verdict_free(own);
	buf_clear(&job->body);
	return STEP_NEXT;
}
