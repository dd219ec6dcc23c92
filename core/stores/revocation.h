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

/* What was added or taken back behind seq (0 = all), whole or its first REVOCATION_PAGE. */
MUST_CHECK enum err revocation_since(struct db *db, int64_t seq, revocation_done *done, void *ctx);
/* An entry as people see it. */
struct revocation_entry {
	struct id id;
	struct revocation r;
	/* as whom the subject was named: "usr", "key", "tok" or "fam"; NULL or read "": of no
	 * subject, or not known, from before it was remembered */
	const char *subject_type;
	struct id issuer; /* whose the subject is, where it was named by what that one calls it */
	/* filled when read; who asked for it last, or which operator did if one has since it
	 * stands, as the audit has it, "" and zero: not known */
	const char *by_kind, *tenant_name;
	const char *iss; /* that issuer's; "" also once it is believed no more */
	struct id by_credential;
	int64_t created_ms;
};
typedef void revocation_entry_done(
	void *ctx, enum err e, const struct revocation_entry *entries, size_t n);

/* Adds entry's r with its subject_type and issuer, or moves the moment of an equal one forward.
 * before_ms 0 = now. n = 1: the entry as it is then. A credential's ends families of refresh tokens
 * too: the one that it names, or those that a token was exchanged for. of: whose its audit row is,
 * r's tenant or AUDIT_SYSTEM_TENANT. */
MUST_CHECK enum err revocation_put(struct db *db, struct id of,
	const struct revocation_entry *entry, const struct audit_actor *by,
	revocation_entry_done *done, void *ctx);
/* Those that stand, of one tenant or, for AUDIT_SYSTEM_TENANT, of all; newest first, at most limit,
 * after (zero = from the newest). */
MUST_CHECK enum err revocation_list(struct db *db, struct id tenant, struct id after, size_t limit,
	revocation_entry_done *done, void *ctx);
/* Of those that follow, of is whose it must be, AUDIT_SYSTEM_TENANT: anybody's. ERR_NOT_FOUND: it
 * is another's, or stands no longer. */
MUST_CHECK enum err revocation_get(
	struct db *db, struct id of, struct id entry, revocation_entry_done *done, void *ctx);
/* Takes it back: whoever reads the list is told once more. n = 1. What a credential's entry ended
 * is ended elsewhere too: that one may be taken, and comes back to nothing. ERR_NOT_FOUND for an
 * operator's too, where a tenant asks. ERR_UNAUTHORIZED: by is believed no longer (believed.h). */
MUST_CHECK enum err revocation_take(struct db *db, struct id of, struct id entry,
	const struct audit_actor *by, revocation_entry_done *done, void *ctx);

#endif
