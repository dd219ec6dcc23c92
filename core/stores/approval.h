/* approval.h - what one person asks for and another approves of.
 *
 *   pending -> approved -> used          a use is once, but for calls that go by pages
 *           -> refused
 *
 * and over by itself after APPROVAL_LIFE. Who decides is neither the principal who
 * asked, nor the person behind it, nor shows the credential that was shown then. Which calls need
 * it: the producer's access/two_people.h. Each step leaves its audit row.
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it. */
#ifndef STORES_APPROVAL_H
#define STORES_APPROVAL_H

#include "domain/sealed.h"
#include "ports/db.h"
#include "stores/audit.h"

#define APPROVAL_LIFE	     "1 day"
#define APPROVAL_PENDING_MAX 100 /* of one tenant's at a time */

/* A person as far as keys tell: the principal, what it showed, and as whom it counts (an operator's
 * keys are several principals, and one person). */
struct approver {
	struct id principal, credential, person;
	bool is_user;
};

/* ---- whose rule is it? ---- */

struct approval_rule {
	struct id tenant;
	bool two_people;
};
typedef void approval_rule_done(void *ctx, enum err e, const struct approval_rule *rule);
/* By id, or by name where that is given. ERR_NOT_FOUND */
MUST_CHECK enum err approval_rule_read(
	struct db *db, struct id tenant, const char *name, approval_rule_done *done, void *ctx);
/* That of the tenant whose API key it is; operators' keys have none. ERR_NOT_FOUND */
MUST_CHECK enum err approval_rule_of_key(
	struct db *db, struct id key, approval_rule_done *done, void *ctx);
/* The same of an entry of the list of revocations that stands. ERR_NOT_FOUND */
MUST_CHECK enum err approval_rule_of_revocation(
	struct db *db, struct id revocation, approval_rule_done *done, void *ctx);
/* ERR_UNAUTHORIZED: by is believed no longer (believed.h). */
typedef void approval_rule_set_done(void *ctx, enum err e);
MUST_CHECK enum err approval_rule_set(struct db *db, const struct approval_rule *rule,
	const struct audit_actor *by, approval_rule_set_done *done, void *ctx);

/* ---- asking, and using ---- */

struct approval_call {
	struct id tenant;
	const char *action; /* a word that stays */
	struct id digest;
	struct approver by;
	bool keeps; /* a use does not end it */
	/* asking alone: */
	struct id id;		/* of what is asked for */
	struct db_bytes sealed; /* the call, to be read */
};
/* taken: it was approved of, by who stands still, and is used by this. */
typedef void approval_take_done(void *ctx, enum err e, bool taken);
MUST_CHECK enum err approval_take(struct db *db, const struct approval_call *call,
	const struct audit_actor *by, approval_take_done *done, void *ctx);
/* id: of what pends now, this or the same that was asked for before. ERR_TENANT_FULL:
 * APPROVAL_PENDING_MAX are pending. */
typedef void approval_ask_done(void *ctx, enum err e, struct id id);
MUST_CHECK enum err approval_ask(struct db *db, const struct approval_call *call,
	const struct audit_actor *by, approval_ask_done *done, void *ctx);

/* ---- deciding ---- */

struct approval {
	struct id id;
	const char *action,
		*state; /* "expired" where its time is over, or its giver shut out since */
	struct id asked_by, decided_by;
	bool asked_for_user, decided_for_user;
	int64_t asked_ms, expires_ms, decided_ms;
	struct db_bytes call; /* sealed by the tenant's own key */
};
struct approval_page {
	const struct approval *rows;
	size_t n;
	struct sealed_key key; /* the tenant's own */
};
typedef void approval_page_done(void *ctx, enum err e, const struct approval_page *page);
/* Newest first, at most limit, behind after (zero: from the newest). */
struct approval_wanted {
	struct id tenant, after;
	const char *state; /* as they are shown; NULL: all */
	size_t limit;
};
MUST_CHECK enum err approval_list(
	struct db *db, const struct approval_wanted *wanted, approval_page_done *done, void *ctx);

struct approval_decision {
	struct id tenant, id;
	struct approver by;
	bool approve;
};
/*   ERR_NOT_FOUND
 *   ERR_FORBIDDEN     who asked does not approve
 *   ERR_CONFLICT      it is not pending (any more)
 *   ERR_UNAUTHORIZED  by is believed no longer (believed.h) */
MUST_CHECK enum err approval_decide(struct db *db, const struct approval_decision *decision,
	const struct audit_actor *by, approval_page_done *done, void *ctx);

#endif
