#include "stores/finish.h"
#include "stores/finish_sql.h"
#include "stores/job_columns.h"
#include "stores/store_call.h"

#include <stdlib.h>
#include <string.h>

enum { SHARDS = 64 };

static void key_columns(struct db_args *a, struct finish *const *batch, size_t n)
{
	DB_COLUMN(a, n, id, batch[i]->tenant);
	DB_COLUMN(a, n, id, batch[i]->job);
	DB_COLUMN(a, n, int8, batch[i]->fence);
}

static void answer_columns(struct db_args *a, struct finish *const *batch, size_t n)
{
	DB_COLUMN(a, n, text, batch[i]->key_label);
	DB_COLUMN(a, n, text, batch[i]->called_model);
	DB_COLUMN(a, n, bool, batch[i]->fallback);
	DB_COLUMN(a, n, bool, batch[i]->estimated);
}

static void end_columns(struct db_args *a, struct finish *const *batch, size_t n)
{
	DB_COLUMN(a, n, int2, (int16_t)batch[i]->as);
	DB_COLUMN(a, n, text, err_code(batch[i]->error));
	DB_COLUMN(a, n, int8, batch[i]->delay_ms);
	DB_COLUMN(a, n, text, batch[i]->waiting_for);
	DB_COLUMN(a, n, int8, batch[i]->event_last);
	DB_COLUMN(a, n, text, batch[i]->upstream);
	DB_COLUMN(a, n, text, batch[i]->model);
	DB_COLUMN(a, n, int4, batch[i]->upstream_status);
	DB_COLUMN(a, n, int8, batch[i]->input_tokens);
	DB_COLUMN(a, n, int8, batch[i]->output_tokens);
	DB_COLUMN(a, n, int8, batch[i]->cost_nano);
	DB_COLUMN(a, n, int4, batch[i]->timings_ms[TIMING_ADMIT]);
	DB_COLUMN(a, n, int4, batch[i]->timings_ms[TIMING_FIRST_BYTE]);
	DB_COLUMN(a, n, int4, batch[i]->timings_ms[TIMING_STREAM]);
	DB_COLUMN(a, n, int4, batch[i]->timings_ms[TIMING_FINISH]);
	DB_COLUMN(a, n, bytes, batch[i]->result);
	DB_COLUMN(a, n, id_or_null, batch[i]->decision);
	db_arg_int4(a, FINISH_INTERRUPTIONS_MAX);
	DB_COLUMN(a, n, bytes, batch[i]->message);
	answer_columns(a, batch, n);
	DB_COLUMN(a, n, id_or_null, batch[i]->line);
	DB_COLUMN(a, n, int8, batch[i]->retry_after_ms);
	DB_COLUMN(a, n, text, batch[i]->held_by);
}

/* A worker's share of the daily sums; ids end in random bits. */
static int32_t shard_of(struct id worker)
{
	return worker.bytes[sizeof(worker.bytes) - 1] % SHARDS;
}

/* The runs of all elements, flat. */
struct run_of {
	const struct finish *f;
	const struct event_run *run;
};

static struct run_of *runs_flat(struct finish *const *batch, size_t n, size_t *ret_n)
{
	struct run_of *flat;
	size_t all = 0, i, j;

	for (i = 0; i < n; i++)
		all += batch[i]->runs_n;
	flat = all > 0 ? malloc(all * sizeof(*flat)) : NULL;
	*ret_n = all;
	all = 0;
	for (i = 0; flat != NULL && i < n; i++)
		for (j = 0; j < batch[i]->runs_n; j++)
			flat[all++] = (struct run_of){batch[i], &batch[i]->runs[j]};
	return flat;
}

static void run_columns(struct db_args *a, const struct run_of *flat, size_t n)
{
	DB_COLUMN(a, n, id, flat[i].f->tenant);
	DB_COLUMN(a, n, id, flat[i].f->job);
	DB_COLUMN(a, n, int8, flat[i].f->fence);
	DB_COLUMN(a, n, int2, (int16_t)id_class(flat[i].f->job));
	DB_COLUMN(a, n, int8, flat[i].run->seq_from);
	DB_COLUMN(a, n, int4, flat[i].run->count);
	DB_COLUMN(a, n, text, event_kind_text(flat[i].run->kind));
	DB_COLUMN(a, n, text, flat[i].run->detail);
	DB_COLUMN(a, n, bytes, flat[i].run->lengths);
	DB_COLUMN(a, n, bytes, flat[i].run->text);
}

static void runs_query(struct db *db, struct id worker, struct finish *const *batch, size_t n)
{
	size_t runs_n;
	struct run_of *flat = runs_flat(batch, n, &runs_n);
	struct db_args a;

	if (runs_n == 0)
		return;
	db_args_init(&a);
	db_arg_id(&a, worker);
	if (flat == NULL)
		a.bytes.err = ERR_NOMEM;
	else
		run_columns(&a, flat, runs_n);
	db_query(db, &finish_runs_stmt, &a);
	free(flat);
}

/* Sorted by job, the order in which rows are locked everywhere. The call owns this order. */
static int by_job(const void *a, const void *b)
{
	return id_compare((*(struct finish *const *)a)->job, (*(struct finish *const *)b)->job);
}

struct finish_call {
	struct store_call call;
	struct id worker;
	struct finish *const *told; /* the caller's array, in the caller's order */
	struct finish *sorted[];
};

static void tell(struct finish_call *c, enum err e)
{
	((finish_done *)c->call.done)(c->call.ctx, e, c->told, c->call.n);
	free(c);
}

static struct id tenant_of(const void *batch, size_t i)
{
	return ((struct finish *const *)batch)[i]->tenant;
}

static enum err scope_begin(struct db *db, struct finish *const *batch, size_t n)
{
	struct id *tenants = store_call_tenants(batch, n, tenant_of);
	enum err e = tenants != NULL ? db_begin(db, tenants, n) : ERR_NOMEM;

	free(tenants);
	return e;
}

static enum err call_new(struct db *db, struct id worker, struct finish *const *batch, size_t n,
	struct finish_call **ret_call)
{
	struct finish_call *c;
	enum err e;

	if (n == 0 || n > FINISH_MAX)
		return ERR_TOO_LARGE;
	c = calloc(1, sizeof(*c) + n * sizeof(c->sorted[0]));
	if (c == NULL)
		return ERR_NOMEM;
	e = scope_begin(db, batch, n);
	if (e != ERR_OK) {
		free(c);
		return e;
	}
	memcpy(c->sorted, batch, n * sizeof(c->sorted[0]));
	qsort(c->sorted, n, sizeof(c->sorted[0]), by_job);
	c->call.db = db;
	c->call.n = n;
	c->worker = worker;
	c->told = batch;
	*ret_call = c;
	return ERR_OK;
}

/* ---- settling ---- */

static void on_settle(void *ctx, enum err e, const struct db_reply *reply)
{
	struct finish_call *c = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	struct finish *f;
	size_t i;

	for (i = 0; r != NULL && i < db_rows_n(r); i++) {
		f = c->sorted[db_int(r, i, 0) - 1];
		if (!db_null(r, i, 1)) {
			f->outcome = ERR_OK;
			f->state = job_state_from_text(db_text(r, i, 1));
			f->due_ms = db_time(r, i, 2);
		} else {
			f->outcome = db_int(r, i, 3) != 0 ? ERR_UNAVAILABLE : ERR_LOST;
		}
	}
	tell(c, e);
}

static void settle_query(struct finish_call *c)
{
	struct job_key *keys = malloc(c->call.n * sizeof(*keys));
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, c->worker);
	key_columns(&a, c->sorted, c->call.n);
	DB_COLUMN(&a, c->call.n, int2, (int16_t)id_class(c->sorted[i]->job));
	for (size_t i = 0; keys != NULL && i < c->call.n; i++)
		keys[i].job = c->sorted[i]->job;
	if (keys != NULL)
		job_span_args(&a, keys, c->call.n);
	else
		a.bytes.err = ERR_NOMEM;
	db_query(c->call.db, &finish_settle_stmt, &a);
	db_commit(c->call.db, on_settle, c);
	free(keys);
}

enum err finish_settle(struct db *db, struct id worker, struct finish *const *batch, size_t n,
	finish_done *done, void *ctx)
{
	struct finish_call *c;
	enum err e = call_new(db, worker, batch, n, &c);

	if (e != ERR_OK)
		return e;
	c->call.done = (store_call_fn *)done;
	c->call.ctx = ctx;
	settle_query(c);
	return ERR_OK;
}

/* ---- finishing ---- */

static void outcomes_take(struct finish_call *c, const struct db_rows *r)
{
	struct finish *f;
	size_t i;

	for (i = 0; i < c->call.n; i++)
		c->sorted[i]->outcome = ERR_LOST;
	for (i = 0; i < db_rows_n(r); i++) {
		f = c->sorted[db_int(r, i, 0) - 1];
		f->outcome = ERR_OK;
		f->state = job_state_from_text(db_text(r, i, 1));
		f->due_ms = f->state == JOB_WAITING ? db_time(r, i, 2) : 0;
	}
}

static void on_usage(void *ctx, enum err e, const struct db_reply *reply)
{
	struct finish_call *c = ctx;

	if (e == ERR_OK)
		outcomes_take(c, db_reply_rows(reply, 0));
	tell(c, e);
}

/* Nobody can say yet whether their leases are still ours. */
static void leave_open(struct finish_call *c)
{
	for (size_t i = 0; i < c->call.n; i++)
		if (c->sorted[i]->outcome == ERR_LOST)
			c->sorted[i]->outcome = ERR_UNAVAILABLE;
}

/* A row that another transaction touched in the same moment is not found by its address, though
 * its lease may still be ours: whatever did not match is settled by reading once more. */
static void on_finish(void *ctx, enum err e, const struct db_reply *reply)
{
	struct finish_call *c = ctx;
	const struct db_rows *r;

	if (e == ERR_OK) {
		r = db_reply_rows(reply, db_reply_n(reply) - 1);
		outcomes_take(c, r);
		if (db_rows_n(r) < c->call.n) {
			if (scope_begin(c->call.db, c->told, c->call.n) == ERR_OK) {
				settle_query(c);
				return;
			}
			leave_open(c);
		}
	}
	tell(c, e);
}

enum err finish_batch(struct db *db, struct id worker, struct finish *const *batch, size_t n,
	finish_done *done, void *ctx)
{
	struct finish_call *c;
	struct db_args a;
	enum err e = call_new(db, worker, batch, n, &c);

	if (e != ERR_OK)
		return e;
	c->call.done = (store_call_fn *)done;
	c->call.ctx = ctx;
	runs_query(db, worker, c->sorted, n);
	db_args_init(&a);
	db_arg_id(&a, worker);
	key_columns(&a, c->sorted, n);
	end_columns(&a, c->sorted, n);
	db_arg_int4(&a, shard_of(worker));
	db_query(db, &finish_stmt, &a);
	db_commit(db, on_finish, c);
	return ERR_OK;
}

enum err finish_usage(struct db *db, struct id worker, struct finish *const *batch, size_t n,
	finish_done *done, void *ctx)
{
	struct finish_call *c;
	struct db_args a;
	enum err e = call_new(db, worker, batch, n, &c);

	if (e != ERR_OK)
		return e;
	c->call.done = (store_call_fn *)done;
	c->call.ctx = ctx;
	db_args_init(&a);
	db_arg_id(&a, worker);
	key_columns(&a, c->sorted, n);
	DB_COLUMN(&a, n, int2, (int16_t)id_class(c->sorted[i]->job));
	DB_COLUMN(&a, n, int8, c->sorted[i]->input_tokens);
	DB_COLUMN(&a, n, int8, c->sorted[i]->output_tokens);
	DB_COLUMN(&a, n, int8, c->sorted[i]->cost_nano);
	DB_COLUMN(&a, n, text, c->sorted[i]->upstream);
	DB_COLUMN(&a, n, text, c->sorted[i]->model);
	answer_columns(&a, c->sorted, n);
	db_arg_int4(&a, shard_of(worker));
	db_query(db, &finish_usage_stmt, &a);
	db_commit(db, on_usage, c);
	return ERR_OK;
}
