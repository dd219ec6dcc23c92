/* live_look.h - what Redis knows of a running job's answer, for those who poll.
 *
 * The record learns of an answer at its end and where a block of numbers ends; in
 * between Redis has it. A look asks for the size of the text so far and, where it is
 * wanted, for the text from a number on. Without Redis, or when it says nothing in
 * time, the look tells nothing more than the record did.
 *
 * Threads: start from any; done runs on the loop of live.h, or at once when there is no
 * Redis.  Memory: the caller's until done; it clears the text. */
#ifndef JOBS_LIVE_LOOK_H
#define JOBS_LIVE_LOOK_H

#include "jobs/live.h"

#include "domain/sealed.h"
#include "ground/buf.h"

struct live_look;
typedef void live_look_fn(struct live_look *look);

struct live_look {
	struct id tenant, job;
	struct sealed_key key; /* of the text, where it is wanted */
	int64_t fence; /* of the running attempt: what an older one wrote is not its answer */
	int64_t from;  /* text of this number and those that follow without a gap; 0 = none */
	size_t upto;   /* of an answer that has more bytes only their number is told */
	live_look_fn *done;
	/* told: */
	int64_t text_bytes; /* of the attempt's answer so far; -1 = not known */
	struct buf text;    /* init it */
	/* its own: */
	struct live *live;
	struct live_call call;
};

void live_look_start(struct live_look *look, struct live *live);

#endif
