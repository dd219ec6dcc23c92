/* call.h - a model call of a job, and what came of it.
 *
 * The call outlives its transfer: the reply's text stays here until the record
 * has it, because deltas not yet written are slices of it.
 *
 * Threads: the loop's.  Memory: one block, and the reply's buffers. */
#ifndef WORKER_CALL_H
#define WORKER_CALL_H

#include "ports/http.h"
#include "upstreams/rate_headers.h"
#include "upstreams/reply.h"

struct finish;
struct job;
struct verdict;

struct model_call {
	struct http_call *http; /* NULL once it ended */
	struct reply reply;
	struct verdict *verdict;
	enum err err; /* ERR_OK: the reply is whole and a success */
	int status;
	int64_t retry_after_ms;
	struct rate_headers rates;
	bool sent; /* connected: the upstream may have read the request */
	bool cut;  /* by us, before it ended */
	bool ended;
	bool event_stream; /* the reply's content type */
};

/* Text released so far; NULL = none. */
const struct buf *call_text(const struct model_call *call);
/* Cuts the transfer, if there is one, and closes its socket. What was received stays. */
void call_cut(struct job *job);
/* The job's leave to call is given back, with how the call went: the job's error, and what came.
 * Harmless when it has none. */
void call_leave_upstream(struct job *job);
/* What the job's call used, as far as it is known, into its end. Nothing without a call. */
void call_usage(const struct job *job, struct finish *end);
/* NULL is fine. */
void call_free(struct model_call *call);

#endif
