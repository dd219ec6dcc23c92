/* reseal.h - values of format 0, from before there were keys, are sealed and then refused.
 *
 * One walk after the other through all tenants and their jobs, a page at a time; where
 * it stands is a row of the record, so that the next leader goes on from there. A walk
 * that met no value in clear, RESEAL_QUIET after the last that was met, ends it: the
 * record is sealed, and no process reads format 0 any more (key_epoch_report). The
 * quiet hour is for programs of a version before keys, which write such values as
 * long as one of them runs.
 *
 * Whose right it is: the leader's, by three functions of the owner (migration 0017)
 * that show values in clear (of sealed ones the match key alone, as it rests), and
 * replace nothing else. A role of its own would need a password more on every host and
 * could read as much for ever; these end by themselves on the day that the record is
 * sealed. Each statement names the one tenant that it is about.
 *
 * A concurrent writer wins: a value is replaced only while it is still in clear (one
 * of a tenant's settings, while it is the one that was read).
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it. */
#ifndef STORES_RESEAL_H
#define STORES_RESEAL_H

#include "domain/sealed.h"
#include "stores/term.h"

/* A page. As #defines, for the statements. */
#define RESEAL_JOBS  200
#define RESEAL_QUIET "1 hour"
enum { RESEAL_BYTES = 8 << 20 };

struct reseal_page {
	bool sealed;		 /* none is left, and none is read: all is done */
	bool rests;		 /* between two walks */
	struct id tenant, after; /* where the walk stands; zero = at its begin, at the tenant's */
	struct id next;		 /* the tenant behind this one; zero = there is none */
	struct id jobs[RESEAL_JOBS];
	size_t jobs_n;
};
typedef void reseal_page_done(void *ctx, enum err e, const struct reseal_page *page);
MUST_CHECK enum err reseal_page(struct db *db, reseal_page_done *done, void *ctx);

struct reseal_value {
	struct sealed_where where;
	bool has_key; /* its job has one, by this id */
	struct id key;
	struct db_bytes subject; /* in clear as well; NULL bytes: there is none */
	struct db_bytes value;	 /* as it rests; to store: sealed */
	struct db_bytes was;	 /* to store: a setting as it was read */
};
struct reseal_found {
	const struct reseal_value *values; /* a job's side by side */
	size_t n;
	bool rest;		   /* there are more: ask again when these are sealed */
	struct db_bytes match_key; /* the tenant's, as it rests */
};
typedef void reseal_found_done(void *ctx, enum err e, const struct reseal_found *found);
/* Values in clear of the page's jobs, and of its tenant where it begins. */
MUST_CHECK enum err reseal_find(
	struct db *db, const struct reseal_page *page, reseal_found_done *done, void *ctx);

/* What a page came to. */
struct reseal_step {
	struct id tenant, after;	   /* where the walk goes on; zero tenant: it is over */
	size_t jobs;			   /* looked at */
	const struct reseal_value *values; /* sealed, each with its key's id; may be none */
	size_t n;
};
/* Puts the values and moves on from page, in one transaction. ERR_LOST: the term is over, nothing
 * has moved; what was sealed stays so. */
MUST_CHECK enum err reseal_store(struct db *db, int64_t term, const struct reseal_page *page,
	const struct reseal_step *step, term_work_done *done, void *ctx);

/* ---- for operators: the owner's connection ---- */

struct reseal_state {
	int64_t sealed_ms;	      /* 0 = not yet */
	int64_t walks;		      /* ended */
	int64_t tenants, jobs, found; /* by the walk under way */
	int64_t closed;		      /* values, in all */
	int64_t found_ms, next_ms;    /* the last that was met; when the next walk may begin */
};
typedef void reseal_state_done(void *ctx, enum err e, const struct reseal_state *state);
MUST_CHECK enum err reseal_read(struct db *db, reseal_state_done *done, void *ctx);

#endif
