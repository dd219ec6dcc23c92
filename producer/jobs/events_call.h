/* events_call.h - GET /v1/jobs/{id}/events: everything that happens to a job, once each, in order.
 *
 * A stream knows one number: the last event it told. From there it goes on, first
 * with what the record has (events behind Last-Event-ID), then with what Redis keeps
 * of a running attempt, then with each delta as it is published. Only the next
 * number is ever told; what comes twice is dropped, and a hole is filled from
 * Redis' list, or else from the record. Whenever the job moves, the record is read
 * again: it has the last word, and the terminal event ends the stream.
 *
 *   read the record --> catch up in Redis --> follow --> (moved, a hole) read again
 *
 * With Redis away the worker writes its deltas to the record every two seconds, and
 * the look at all watched jobs notices.
 *
 * Threads: the server's for the request; then the live loop, and a lane while the
 * record is read: never two at a time.  Memory: one struct per stream. */
#ifndef JOBS_EVENTS_CALL_H
#define JOBS_EVENTS_CALL_H

#include "http/request.h"
#include "record/record.h"

void events_call(struct request *r);

/* Last-Event-ID: a number as we sent it, at most 18 digits. "" and NULL are 0. */
bool events_after_read(const char *text, int64_t *ret_after);

extern const struct record_op events_op;

#endif
