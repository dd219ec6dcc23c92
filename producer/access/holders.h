/* holders.h - what principals hold: their roles, flattened into rights.
 *
 * A principal's rights are asked for once and kept. What vouches for them is the
 * record's own list of changes, read twice a second: a tenant whose roles or users
 * changed is looked up anew as a whole, and while the list cannot be read for
 * vouched_ms (keys_vouched_ms) nothing that is kept counts. So a change holds everywhere within
 * a second, and without Postgres nobody is let in for longer than an API key is
 * (keys.h). Rows that migrations write are seen after HOLDERS_TTL_MS.
 *
 * A look-up that was under way while a change was read is used and not kept.
 *
 * A token may name roles beside those that the record knows of its principal: of
 * another issuer's people it is all there is. They count as this tenant's roles as
 * they stand now, an operator's never, and nothing of somebody who is no more welcome.
 *
 * Threads: any; one lock, held for a look-up.  Memory: bounded; what is full is emptied. */
#ifndef ACCESS_HOLDERS_H
#define ACCESS_HOLDERS_H

#include "http/request.h"
#include "record/record.h"

enum { HOLDERS_LOOK_MS = 500, HOLDERS_TTL_MS = 60000, HOLDERS_MAX = 16384 };

struct holders;

MUST_CHECK enum err holders_new(struct producer *producer, struct holders **ret_holders);
/* Begins to read the changes, on the producer's loop. */
MUST_CHECK enum err holders_start(struct holders *h);
/* NULL is fine. */
void holders_free(struct holders *h);

/* The caller's rights, held, as they are kept; NULL: look. */
struct rights *holders_find(struct holders *h, const struct caller *caller, int64_t vouched_ms);
/* Parks r, gives its caller rights and resumes it; or access_err says why not. Somebody who is not
 * known, or no more welcome, holds nothing. ERR_NOMEM: r was not parked. */
MUST_CHECK enum err holders_look(struct holders *h, struct request *r);
/* The same for whoever has no request, or one no more: gives caller rights, then calls told, now or
 * from a lane; caller is told's until then. */
typedef void holders_told_fn(void *owner, enum err e);
MUST_CHECK enum err holders_ask(
	struct holders *h, struct caller *caller, holders_told_fn *told, void *owner);
/* Of one tenant: after a change that callers of this process expect to see. */
void holders_forget(struct holders *h, struct id tenant);

extern const struct record_op holders_look_op, holders_poll_op;

#endif
