/* scratch_call.h - commands sent to Redis and not answered yet, oldest first. For scratch.c only.
 *
 * Threads: one owner.  Memory: a call frees itself with its end. */
#ifndef PORTS_SCRATCH_CALL_H
#define PORTS_SCRATCH_CALL_H

#include "ground/buf.h"
#include "ports/scratch.h"

struct scratch_call {
	struct scratch_call *next;
	int64_t sent_ms;
	scratch_reply_fn *fn;
	void *owner;
	struct scratch_script *script; /* NULL: not a script's run */
	size_t n;		       /* the run's arguments, its number of keys included */
	struct buf tail; /* their wire form: sent again behind the source on NOSCRIPT */
};

struct scratch_calls {
	struct scratch_call *oldest, **newest;
	size_t n;
};

void scratch_calls_init(struct scratch_calls *calls);
void scratch_calls_push(struct scratch_calls *calls, struct scratch_call *c, int64_t now_ms);
/* NULL when there is none. */
struct scratch_call *scratch_calls_pop(struct scratch_calls *calls);

/* NULL: out of memory. */
struct scratch_call *scratch_call_new(scratch_reply_fn *fn, void *owner, size_t bytes_max);
void scratch_call_free(struct scratch_call *c);
/* Tells and frees. */
void scratch_call_end(struct scratch_call *c, enum err e, const struct scratch_reply *reply);
/* Appends one argument in the wire's form to the tail. */
void scratch_call_arg(struct scratch_call *c, struct scratch_arg arg);

#endif
