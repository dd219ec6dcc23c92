/* audit_refusal.h - calls that were refused, several in a row of the audit.
 *
 * Threads: the connection's.  Memory: elements are copied before the call returns. */
#ifndef STORES_AUDIT_REFUSAL_H
#define STORES_AUDIT_REFUSAL_H

#include "stores/audit.h"

struct audit_refusal {
	struct id tenant; /* AUDIT_SYSTEM_TENANT: an operator, or nobody who is known */
	struct audit_actor by;
	const char *action; /* what was not allowed, in a word */
	const char *reason; /* "forbidden", "unauthorized" */
	int32_t count;
};

/* One statement for all; at most AUDIT_REFUSALS_MAX of any tenants. */
enum { AUDIT_REFUSALS_MAX = 256 };
MUST_CHECK enum err audit_refusals_write(struct db *db, const struct audit_refusal *refusals,
	size_t n, audit_note_done *done, void *ctx);

#endif
