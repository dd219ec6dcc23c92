/* submit_call.h - POST /v1/jobs: a 202 means committed.
 *
 * The body is checked on the server's thread, the request parked, and the job
 * committed together with others that arrived meanwhile. A bulk request hands in
 * many asked jobs as one item: see bulk.h.
 *
 * Threads: server's, then a lane's.  Memory: the request's. */
#ifndef JOBS_SUBMIT_CALL_H
#define JOBS_SUBMIT_CALL_H

#include "http/request.h"
#include "jobs/job_spec.h"
#include "record/record.h"
#include "stores/job_read.h"

void submit_call(struct request *r);

/* Some asked jobs that go to the record together. item.done is told when each has its outcome in
 * specs[i]->submit.outcome; item's own error means that none was taken. */
struct submit_item {
	struct record_item item; /* first */
	struct job_spec **specs;
	size_t n;
};
extern const struct record_op submit_op, submit_large_op;
/* Sets op and weight; the caller sets done, and owner = the producer. */
void submit_item_init(struct submit_item *item, struct job_spec **specs, size_t n);

/* The row as it is right after its commit. Points into the spec, whose words it tells in clear:
 * they are shown without a keyring. */
void submit_row(const struct job_spec *spec, struct job_row *row);

#endif
