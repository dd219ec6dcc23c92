/* review.h - jobs that wait for an operator's word, and the histories of the record.
 *
 * Whoever begins another history of the record (epoch.h) leaves the jobs that ran at the
 * end of the one before in `waiting` for `review`: they may have ended in what was
 * lost, and been told of. An operator releases them, and they run again, or cancels
 * them (job_change.h). One whose deadline passes meanwhile expires like any other.
 *
 * On the owner's connection: who restores a record has it.
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it. */
#ifndef STORES_REVIEW_H
#define STORES_REVIEW_H

#include "stores/audit.h"
#include "stores/job_read.h"

/* A page of what waits, by tenant and id. As a #define, for the statement. */
#define REVIEW_PAGE 500

struct review {
	struct job_key key;
	const char *tenant, *queue, *kind, *model; /* model: "" = none */
	int64_t created_ms, deadline_ms;	   /* 0 = none */
};
typedef void review_list_done(void *ctx, enum err e, const struct review *rows, size_t n);
/* Those behind after (zero: all), of them the wanted ones (wanted_n = 0: all). */
MUST_CHECK enum err review_list(struct db *db, struct job_key after, const struct id *wanted,
	size_t wanted_n, review_list_done *done, void *ctx);

typedef void review_release_done(void *ctx, enum err e, size_t n);
/* At most REVIEW_PAGE of them; n were waiting for it still. The leader moves them, in a moment. */
MUST_CHECK enum err review_release(struct db *db, const struct job_key *keys, size_t n,
	const struct audit_actor *by, review_release_done *done, void *ctx);

/* ---- the record's histories, newest first ---- */
struct history {
	int64_t made_ms;	/* when a program first met it */
	int64_t before_ends_ms; /* the last that is known of the one before; 0 = unknown, or none */
	uint64_t system_identifier;
	uint32_t timeline;
	int64_t held;  /* jobs that ran then */
	bool reviewed; /* and waited for a word */
	int64_t waits; /* of the newest: jobs that still do, of all histories */
};
typedef void history_list_done(void *ctx, enum err e, const struct history *rows, size_t n);
MUST_CHECK enum err history_list(struct db *db, history_list_done *done, void *ctx);

#endif
