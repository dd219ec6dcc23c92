/* list_call.h - GET /v1/jobs and POST /v1/jobs/search: pages of jobs, newest first.
 *
 * A page ends where the next begins: `next` is the last job's id, and a job that
 * arrives meanwhile is newer than all that follows, so nothing is doubled or
 * left out. Inputs and answers are not shown in lists.
 *
 * Threads: server's, then a lane's.  Memory: the request's. */
#ifndef JOBS_LIST_CALL_H
#define JOBS_LIST_CALL_H

#include "http/request.h"
#include "record/record.h"

void list_call(struct request *r);
void search_call(struct request *r);

extern const struct record_op list_op;

/* Reads r's body as one JSON value. What is wrong was answered; *ret_body is the caller's. */
MUST_CHECK enum err list_body_read(struct request *r, json_t **ret_body);

#endif
