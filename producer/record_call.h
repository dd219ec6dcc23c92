/* record_call.h - the plain kind of request: one operation on the record, then the reply.
 *
 * The handler fills its own struct (a call comes first in it), starts it, and the
 * operation's callback writes the reply before it ends the batch. Failures become
 * problem documents here.
 *
 * Threads: server's, then a lane's.  Memory: the call becomes the request's work and
 * is freed with it, after clear (may be NULL). */
#ifndef RECORD_CALL_H
#define RECORD_CALL_H

#include "http/request.h"
#include "identity/revocation.h"
#include "record/record.h"
#include "stores/audit.h"

struct record_call {
	struct record_item item; /* first */
	struct request *r;
	struct revocation_facts shown; /* by who asks: record_call_actor */
	void (*clear)(struct record_call *call);
	/* Instead of resuming after a success: goes on with something else. May be NULL. */
	void (*then)(struct record_call *call);
	/* those errors in this call's own words; may be NULL */
	const char *conflict, *forbidden, *missing, *keys_full;
	/* Instead of a problem document after a failure. May be NULL. */
	void (*failed)(struct record_call *call);
};

/* record_add for what r waits for, in the turn of whose it is: its caller's tenant, or where it
 * comes from while nobody is known; an operator's goes first. */
MUST_CHECK enum err record_add_for(const struct request *r, struct record_item *item);

/* A zeroed struct of size bytes that begins with a call. NULL: the request was answered. */
void *record_call_new(struct request *r, size_t size);
/* Who asks, with what they showed: a change that is made by who is believed asks for that
 * (stores/believed.h). As long as the call. */
struct audit_actor record_call_actor(struct record_call *call);
/* Parks the request and runs op. */
void record_call_start(struct record_call *call, const struct record_op *op);
/* From then: runs another op for the same, still parked request. */
void record_call_again(struct record_call *call, const struct record_op *op);
/* The call of a batch of one. */
struct record_call *record_call_of(const struct record_batch *batch);

#endif
