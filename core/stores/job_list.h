/* job_list.h - many jobs of one tenant by what they have in common, and one job's attempts.
 *
 * A list takes the cheapest way in: by a keyed hash when a subject or metadata is
 * asked for, by the rows that wait and run when only what has not ended is, by whose
 * they are, by a terminal state when that is the one asked for, else newest first
 * through the tenant's jobs: there, few of several terminal states among millions of
 * others take long. It names exactly that tenant (row security).
 *
 * Threads: the connection's.  Memory: rows and what they point to die with the
 * callback. */
#ifndef STORES_JOB_LIST_H
#define STORES_JOB_LIST_H

#include "stores/job_read.h"

struct job_filter {
	struct id tenant;
	struct id principal;				  /* whose they are; zero = anyone's */
	int32_t queue_id;				  /* 0 = any */
	int states;					  /* bits 1 << enum job_state; 0 = any */
	const char *kind, *error_code, *model, *upstream; /* NULL = any */
	int dead;					  /* -1 any, 0, 1 */
	int64_t created_after_ms, created_before_ms;	  /* 0 = any */
	size_t hashes_n; /* all must match: subject, metadata pairs */
	const uint8_t (*hashes)[16];
};
/* Newest first, keyset: rows older than after (zero = from the newest), at most limit; with labels
 * when what says so (no answers, no inputs). Ask for one more than wanted to learn whether more
 * follow. */
struct job_page {
	struct job_filter filter;
	struct id after;
	size_t limit;
	int what;
};
MUST_CHECK enum err job_list(
	struct db *db, const struct job_page *page, job_read_done *done, void *ctx);

/* dry_run: how many match, counted up to 100,000. */
typedef void job_count_done(void *ctx, enum err e, int64_t n);
MUST_CHECK enum err job_count(
	struct db *db, const struct job_filter *filter, job_count_done *done, void *ctx);

/* dry_run of a retry: what it would leave as well, by why there is no room now (job_change.h). Of
 * several calls each finds less room than this one. */
struct job_retry_count {
	int64_t matched; /* as job_count */
	int64_t queue_full, queue_draining, tenant_full;
};
typedef void job_retry_count_done(void *ctx, enum err e, const struct job_retry_count *count);
MUST_CHECK enum err job_retry_count(
	struct db *db, const struct job_filter *filter, job_retry_count_done *done, void *ctx);

/* Attempts, oldest first; the running one last, with outcome "". */
struct attempt_row {
	struct id worker;
	int64_t fence;
	int number;
	int64_t started_ms, ended_ms;
	const char *outcome;	 /* an error's code, "ok"; "" = running */
	const char *state;	 /* what the job became */
	const char *waiting_for; /* what the job waited for then; "" = nothing */
	const char *ended_by;	 /* "holder", "cancel", "reaper", "deadline" */
	const char *upstream, *model;
	const char *key_label;	  /* "" = none was sent, or none was reached */
	const char *called_model; /* the upstream's own name; "" = ours */
	bool fallback;		  /* model is one of the job's fallbacks */
	bool estimated;		  /* the upstream told no usage */
	int upstream_status;
	const char *
		held_by; /* what it waits for, or did longest (hold.h); "" = nothing, or not told */
	int64_t since_ms; /* the running one: since when it is called, or held; 0 = not told */
	int64_t retry_after_ms; /* the upstream asked for it; 0 = nothing */
	int64_t input_tokens, output_tokens, cost_nano;
	int32_t timings_ms[TIMINGS];
	int64_t event_from, event_to; /* its first and last number */
	bool restarted;
	struct sealed_key key;	 /* the job's: of the message */
	struct db_bytes message; /* sealed */
};
typedef void attempt_list_done(void *ctx, enum err e, const struct attempt_row *rows, size_t n);
MUST_CHECK enum err attempt_list(
	struct db *db, struct job_key key, attempt_list_done *done, void *ctx);

#endif
