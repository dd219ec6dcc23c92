#include "stores/job_change.h"

#include "stores/job_change_sql.h"
#include "stores/job_columns.h"
#include "stores/store_call.h"

#include <stdlib.h>
#include <string.h>

enum { CHANGE_MAX = 500 };

/* One change: its two statements, and the state in which it has nothing left to do. */
struct change {
	const struct db_stmt *change;
	enum job_state already; /* JOB_STATES: none */
	bool removes;
};
static const struct change CANCEL = {&JOB_CANCEL, JOB_CANCELLED, false};
static const struct change RETRY = {&JOB_RETRY, JOB_STATES, false};
static const struct change DELETE = {&JOB_DELETE, JOB_STATES, true};
static const struct change PATCH = {&JOB_PATCH, JOB_STATES, false};

struct changing {
	const struct change *what;
	bool one;
	job_change_done *done;
	void *ctx;
};

/* By the number that the statements tell; all else is no reason to leave a job. */
static const enum err left_why[] = {ERR_OK, ERR_QUEUE_FULL, ERR_QUEUE_DRAINING, ERR_TENANT_FULL};

/* What the change touched: tenant, job, state, version, worker, fence, queue, why it was left. */
static void changed_rows(const struct db_rows *rows, struct job_changed *jobs)
{
	for (size_t i = 0; i < db_rows_n(rows); i++)
		jobs[i] = (struct job_changed){
			.tenant = db_id(rows, i, 0),
			.job = db_id(rows, i, 1),
			.state = job_state_from_text(db_text(rows, i, 2)),
			.version = db_int(rows, i, 3),
			.worker = db_id(rows, i, 4),
			.fence = db_int(rows, i, 5),
			.queue_id = (int32_t)db_int(rows, i, 6),
			.left = left_why[db_int(rows, i, 7)],
			.changed = db_int(rows, i, 7) == 0,
		};
}

/* One job was asked for and not changed: was it there, and is it as wanted already? */
static enum err unchanged_row(const struct changing *call, const struct db_rows *now,
	struct job_changed *job, size_t *ret_n)
{
	if (db_rows_n(now) == 0)
		return ERR_NOT_FOUND;
	*job = (struct job_changed){
		.tenant = db_id(now, 0, 0),
		.job = db_id(now, 0, 1),
		.state = job_state_from_text(db_text(now, 0, 2)),
		.version = db_int(now, 0, 3),
	};
	*ret_n = 1;
	return job->state == call->what->already ? ERR_OK : ERR_CONFLICT;
}

static void change_ended(void *ctx, enum err e, const struct db_reply *reply)
{
	struct changing *call = ctx;
	struct job_changed *jobs = NULL;
	size_t n = 0;

	if (e != ERR_OK)
		goto out;
	n = db_rows_n(db_reply_rows(reply, 1));
	jobs = calloc(n + 1, sizeof(*jobs));
	if (jobs == NULL) {
		/* It is committed: what came of it can be read again. */
		e = ERR_DB_UNKNOWN;
		n = 0;
		goto out;
	}
	changed_rows(db_reply_rows(reply, 1), jobs);
	if (call->one && n == 0)
		e = unchanged_row(call, db_reply_rows(reply, 0), jobs, &n);
	else if (call->one)
		e = jobs[0].left;
out:
	call->done(call->ctx, e, jobs, n);
	free(jobs);
	free(call);
}

static int key_order(const void *a, const void *b)
{
	return id_compare(((const struct job_key *)a)->job, ((const struct job_key *)b)->job);
}

/* Begins a transaction that sees the keys' tenants and locks their jobs in the order of ids. */
static enum err change_begin(struct db *db, const struct job_key *keys, size_t n)
{
	struct job_key sorted[CHANGE_MAX];
	struct id tenants[CHANGE_MAX];
	struct db_args args;
	enum err e;

	if (n == 0 || n > CHANGE_MAX)
		return ERR_TOO_LARGE;
	memcpy(sorted, keys, n * sizeof(*keys));
	qsort(sorted, n, sizeof(*sorted), key_order);
	for (size_t i = 0; i < n; i++)
		tenants[i] = sorted[i].tenant;
	e = db_begin(db, tenants, n);
	if (e != ERR_OK)
		return e;
	db_args_init(&args);
	job_keys_args(&args, sorted, n);
	db_query(db, &JOB_LOCK, &args);
	return ERR_OK;
}

static enum err change_commit(
	struct db *db, const struct change *what, bool one, job_change_done *done, void *ctx)
{
	struct changing *call = malloc(sizeof(*call));

	if (call == NULL) {
		db_abandon(db);
		return ERR_NOMEM;
	}
	*call = (struct changing){what, one, done, ctx};
	db_commit(db, change_ended, call);
	return ERR_OK;
}

/* Those changes whose statement asks for keys and an actor only. */
struct change_keys {
	const struct job_key *keys;
	size_t n;
	bool one;
};

static enum err change_keys(struct db *db, const struct change *what, struct change_keys k,
	const struct audit_actor *by, job_change_done *done, void *ctx)
{
	struct db_args args;
	enum err e = change_begin(db, k.keys, k.n);

	if (e != ERR_OK)
		return e;
	db_args_init(&args);
	job_keys_args(&args, k.keys, k.n);
	audit_by_args(&args, by);
	db_query(db, what->change, &args);
	return change_commit(db, what, k.one, done, ctx);
}

enum err job_cancel(struct db *db, struct job_key key, const struct audit_actor *by,
	job_change_done *done, void *ctx)
{
	return change_keys(db, &CANCEL, (struct change_keys){&key, 1, true}, by, done, ctx);
}

enum err job_retry(struct db *db, struct job_key key, const struct audit_actor *by,
	job_change_done *done, void *ctx)
{
	return change_keys(db, &RETRY, (struct change_keys){&key, 1, true}, by, done, ctx);
}

enum err job_delete(struct db *db, struct job_key key, const struct audit_actor *by,
	job_change_done *done, void *ctx)
{
	return change_keys(db, &DELETE, (struct change_keys){&key, 1, true}, by, done, ctx);
}

enum err job_cancel_many(struct db *db, const struct job_key *keys, size_t n,
	const struct audit_actor *by, job_change_done *done, void *ctx)
{
	return change_keys(db, &CANCEL, (struct change_keys){keys, n, false}, by, done, ctx);
}

enum err job_retry_many(struct db *db, const struct job_key *keys, size_t n,
	const struct audit_actor *by, job_change_done *done, void *ctx)
{
	return change_keys(db, &RETRY, (struct change_keys){keys, n, false}, by, done, ctx);
}

enum err job_patch(struct db *db, struct job_key key, const struct job_patch *patch,
	const struct audit_actor *by, job_change_done *done, void *ctx)
{
	struct db_args args;
	enum err e = change_begin(db, &key, 1);

	if (e != ERR_OK)
		return e;
	db_args_init(&args);
	job_keys_args(&args, &key, 1);
	audit_by_args(&args, by);
	db_arg_int4(&args, patch->has_priority ? patch->priority : -1);
	db_arg_int4(&args, patch->has_queue ? patch->queue_id : 0);
	db_arg_bool(&args, patch->has_run_at);
	db_arg_time(&args, patch->has_run_at ? patch->run_at_ms : 0);
	db_query(db, &JOB_PATCH, &args);
	return change_commit(db, &PATCH, true, done, ctx);
}

enum err job_forget(struct db *db, const struct job_key *keys, size_t n,
	const struct audit_actor *by, db_done_fn *done, void *ctx)
{
	static const struct db_stmt *const steps[] = {
		&JOB_FORGET_INPUT, &JOB_FORGET_RESULT, &JOB_FORGET_EVENTS, &JOB_FORGET_AUDIT};
	struct db_args args;
	enum err e = change_begin(db, keys, n);

	if (e != ERR_OK)
		return e;
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		db_args_init(&args);
		job_keys_args(&args, keys, n);
		if (steps[i] == &JOB_FORGET_AUDIT)
			audit_by_args(&args, by);
		db_query(db, steps[i], &args);
	}
	db_commit(db, done, ctx);
	return ERR_OK;
}
