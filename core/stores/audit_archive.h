/* audit_archive.h - which days of the audit are in files of their own, and which is next.
 *
 * A day is what checkpoints were signed on it (UTC): from the last archive's size to
 * the size of its last checkpoint. It is due when it is over.
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it. */
#ifndef STORES_AUDIT_ARCHIVE_H
#define STORES_AUDIT_ARCHIVE_H

#include "stores/term.h"

struct audit_day {
	uint64_t position, size; /* rows from position on, up to the tree of this size */
	const char *day;	 /* 2026-01-31 */
};
/* day is NULL when none is due. */
typedef void audit_day_done(void *ctx, enum err e, const struct audit_day *day);
MUST_CHECK enum err audit_day_due(struct db *db, audit_day_done *done, void *ctx);

MUST_CHECK enum err audit_day_archived(
	struct db *db, int64_t term, const struct audit_day *day, term_work_done *done, void *ctx);

#endif
