/* audit_page.h - the audit as it stands, batch by batch, for files that leave the record.
 *
 * A page is one batch: its leaf hashes as they were made when its rows got their
 * places, the rows that the record has there now, and the checkpoint behind them. It
 * judges nothing: rows and hashes are told as they are, in their order, and whoever
 * changed a row shows up when the file is checked (audit_file.h).
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it. */
#ifndef STORES_AUDIT_PAGE_H
#define STORES_AUDIT_PAGE_H

#include "domain/audit_file.h"
#include "ports/db.h"

/* Where a file may begin: a signed size at or before the one asked for, or the first row. */
struct audit_start {
	struct merkle_frontier before;
	const char *note; /* the checkpoint of that size; "" = the beginning */
	const char *const *keys;
	size_t keys_n;
};
typedef void audit_start_done(void *ctx, enum err e, const struct audit_start *start);
/*   ERR_INTERNAL  what stands there is no tree */
MUST_CHECK enum err audit_start_read(
	struct db *db, uint64_t position, audit_start_done *done, void *ctx);

typedef void audit_page_done(void *ctx, enum err e, const struct audit_page *page);
/* The batch that begins at position.  ERR_NOT_FOUND  there is none (yet) */
MUST_CHECK enum err audit_page_read(
	struct db *db, uint64_t position, audit_page_done *done, void *ctx);

#endif
