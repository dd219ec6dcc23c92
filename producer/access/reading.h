/* reading.h - content leaves only after the record knows who read it.
 *
 * A read of content (a result, an input, events; whatever an operator looks at, or a tenant's
 * people of its users, roles and approvals) is a row of the audit, committed before the first
 * byte goes: one for (credential, object, minute), one for each event stream, one for each token
 * that is given. A state without content, and a 304, is no read.
 * When the row cannot be written nothing leaves: 503.
 *
 * The minute's rows are remembered by this producer, up to a number; beyond it, and
 * while a first row is being committed, a read is written again rather than not at all.
 *
 * Threads: any; one mutex guards the memory.  Memory: a fixed table. */
#ifndef ACCESS_READING_H
#define ACCESS_READING_H

#include "http/request.h"
#include "record/record.h"
#include "stores/audit_read.h"

struct reading;

MUST_CHECK enum err reading_new(struct reading **ret_reading);
void reading_free(struct reading *reading);

/* Goes on with then(owner, ERR_OK) once the read of the (parked) request's caller is committed: at
 * once when the minute knows it already, else on a lane. Any other outcome: it could not be.
 * action is a word that stays, "job.read". */
typedef void reading_then_fn(void *owner, enum err e);
void reading_note(struct request *r, const char *action, struct id object, reading_then_fn *then,
	void *owner);
/* The same, each time a row of its own. */
void reading_note_each(struct request *r, const char *action, struct id object,
	reading_then_fn *then, void *owner);

/* The same for what leaves to somebody who is not the request's caller. */
void reading_note_as(struct producer *producer, const struct audit_read *read,
	reading_then_fn *then, void *owner);

/* For the server: what an operator looks at, and what somebody looks at that is the tenant's as a
 * whole, is noted before the handler runs. May park. */
enum err reading_of_look(struct request *r, bool *ret_parked);

extern const struct record_op reading_op;

#endif
