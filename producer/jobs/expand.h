/* expand.h - members of a job that are only read when somebody asks: ?expand=.
 *
 * Each costs a reading of its own, one after the other, and appends its member to
 * the reply that the job's own reading began. Events are weighed first: what they will
 * hold is asked of the memory for replies before they are loaded. A running job's partial output is
 * the record's text and what Redis has behind it (live_look.h).
 *
 * Threads: lanes, and the loop of live.h.  Memory: the request's. */
#ifndef JOBS_EXPAND_H
#define JOBS_EXPAND_H

#include "http/request.h"
#include "record/record.h"
#include "stores/job_read.h"

enum {
	EXPAND_INPUT = 1,
	EXPAND_PARTIAL_OUTPUT = 2,
	EXPAND_ATTEMPTS = 4,
	EXPAND_EVENTS = 8,
	EXPAND_DELIVERIES = 16,
	EXPAND_PLACE = 32
};

/* Names with commas between. False: a problem was added. text may be NULL. */
bool expand_read(const char *text, unsigned *ret_bits, struct problems *p);
/* Appends the members, closes the object and resumes the request. queue_id: the job's. */
void expand_start(struct request *r, struct job_key key, int32_t queue_id, unsigned bits);

extern const struct record_op expand_attempts_op, expand_weigh_op, expand_events_op,
	expand_deliveries_op, expand_place_op;

#endif
