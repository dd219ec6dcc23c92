/* revocation.h - the record's list of what is believed no longer (identity/revocation.h).
 *
 * Each entry has a number of the access sequence, and the sequence's row stays
 * locked until the commit: so a reader that has seen a number has seen all before
 * it, and asks for what is new with one index descent. The sequence moves for
 * signing keys and issuers too; a reader that finds it moved reads those anew.
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it. */
#ifndef STORES_REVOCATION_H
#define STORES_REVOCATION_H

#include "identity/revocation.h"
#include "ports/db.h"
#include "stores/audit.h"

enum { REVOCATION_PAGE = 1000 };

struct revocation_page {
	int64_t seq;	/* what the reader has seen with it */
	bool more;	/* ask again, from seq on */
	int64_t now_ms; /* the record's time */
	size_t n;
	const struct revocation *list;
};
typedef void revocation_done(void *ctx, enum err e, const struct revocation_page *page);

/* What was added behind seq (0 = all), whole or its first REVOCATION_PAGE. */
MUST_CHECK enum err revocation_since(struct db *db, int64_t seq, revocation_done *done, void *ctx);
/* Adds it, or moves the moment of an equal one forward. before_ms 0 = now. n = 1: the entry as it
 * is then. A credential's ends families of refresh tokens too: the one that it names, or those that
 * a token was exchanged for. */
MUST_CHECK enum err revocation_put(struct db *db, const struct revocation *r,
	const struct audit_actor *by, revocation_done *done, void *ctx);

#endif
