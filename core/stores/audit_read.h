/* audit_read.h - reads that the audit must know of before content leaves.
 *
 * Threads: the connection's.  Memory: elements are copied before the call returns. */
#ifndef STORES_AUDIT_READ_H
#define STORES_AUDIT_READ_H

#include "stores/audit.h"

struct audit_read {
	struct id tenant; /* AUDIT_SYSTEM_TENANT for what an operator looks at */
	struct audit_actor by;
	const char *action;
	struct id object; /* zero = a list, a page */
};

/* One statement for all; at most AUDIT_READS_MAX of any tenants. */
enum { AUDIT_READS_MAX = 1000 };
MUST_CHECK enum err audit_reads_write(
	struct db *db, const struct audit_read *reads, size_t n, audit_note_done *done, void *ctx);

#endif
