#include "stores/lease.h"
#include "stores/event.h"
#include "stores/job_columns.h"
#include "stores/lease_sql.h"
#include "stores/share_sql.h"
#include "stores/store_call.h"
#include "stores/subject_key.h"

#include <stdlib.h>
#include <string.h>

static const struct db_stmt keys_stmt = {.name = "lease_claim_keys",
	.sql = "with" LEASE_SETTING ", tight as materialized (select l.tenant_id, l.max_running -" SHARE_RUNNING(
		"l.tenant_id") " as free from tenant_limit l where l.tenant_id = any($2)"
			       "  and l.max_running > 0)"
			       ", spot as materialized (select k.ord, r.at as ready_at, r.probation"
			       " from (select k.ord, k.tenant_id, k.job_id, j.queue_id, j.rank,"
			       "   row_number() over (partition by j.queue_id order by k.ord) as nth,"
			       "   row_number() over (partition by k.tenant_id order by k.ord) as nth_own"
			       "  from unnest($2, $3) with ordinality k(tenant_id, job_id, ord)"
			       "  cross join lateral (select j.queue_id, j.rank from job j"
			       "   where j.tenant_id = k.tenant_id and j.job_id = k.job_id and j.state ="
			       " 'queued' limit 1) j ) k cross join setting c"
			       " cross join lateral (select r.ctid as at, r.probation from job_ready r"
			       "  where r.tenant_id = k.tenant_id and r.queue_id = k.queue_id and r.rank = k.rank"
			       "  and r.job_id = k.job_id and (r.deadline_at is null or r.deadline_at > now())"
			       "  and (not r.probation or c.tries) limit 1 for update skip locked) r"
			       " where c.alive and k.queue_id <> all(array(select queue_id from queue"
			       " where paused))"
			       "  and (k.queue_id <> all(c.capped)"
			       "   or k.nth <= (select room.free from room where room.queue_id = "
			       "k.queue_id)) and k.nth_own <= coalesce((select free from tight t"
			       "   where t.tenant_id = k.tenant_id), k.nth_own))" LEASE_TAKE
				       LEASE_REPLY};

/* What a claim of keys refused is no longer on its way: the leader may send it again later. */
static const struct db_stmt unmark_stmt = {.name = "lease_unmark",
	.sql = "update job_ready r set batch_id = null where r.ctid = any(array("
	       "select r.ctid from unnest($1, $2) k(tenant_id, job_id)"
	       " cross join lateral (select j.queue_id, j.rank from job j"
	       "  where j.tenant_id = k.tenant_id and j.job_id = k.job_id and j.state ="
	       " 'queued' limit 1) j"
	       " cross join lateral (select r.ctid from job_ready r where r.tenant_id = k.tenant_id"
	       "  and r.queue_id = j.queue_id and r.rank = j.rank and r.job_id = k.job_id"
	       "  and r.batch_id is not null limit 1 for update skip locked) r))"};

/* Sizes are told by the rows' pointers: what does not fit $8 bytes is not fetched. */
#define INPUT_SPAN " and i.retention between $3 and $4 and i.job_id between $5 and $6"
#define INPUT_COLUMNS                                                                                   \
	"select i.tenant_id, i.job_id, case when i.fits then i.input end, i.subject,"                   \
	" i.metadata, i.callback, case when i.fits then i.fallback end, i.trace, i.fits, " KEY_OF(      \
		"i") " from (select k.ord, i.tenant_id, i.job_id, i.input, i.subject, i.metadata,"      \
		     " i.callback, i.fallback, i.trace, i.key_id,"                                      \
		     " sum(coalesce(octet_length(i.input), 0) + coalesce(octet_length(i.fallback), 0))" \
		     "  over (order by k.ord rows unbounded preceding) <= $8"
static const struct db_stmt inputs_stmt = {.name = "lease_inputs",
	.sql = INPUT_COLUMNS
	" or row_number() over (order by k.ord rows unbounded preceding) = 1 as fits"
	" from unnest($1, $2, $7) with ordinality k(tenant_id, job_id, retention, ord)"
	" cross join lateral (select * from job_input i where i.tenant_id = k.tenant_id"
	"  and i.job_id = k.job_id and i.retention = k.retention" INPUT_SPAN " limit 1) i"
	") i order by i.ord",
	.reads = true};

/* What the transaction may see from here on: the tenants of those keys that it has just leased. */
static const struct db_stmt leased_scope_stmt = {.name = "lease_leased_scope",
	.sql = "select set_config('app.tenants', coalesce(string_agg(distinct"
	       " l.tenant_id::text, ','), ''), true)"
	       " from unnest($2, $3) k(tenant_id, job_id)"
	       " cross join lateral (select l.tenant_id from job_lease l where l.worker_id = $1"
	       "  and l.tenant_id = k.tenant_id and l.job_id = k.job_id limit 1) l",
	.reads = true};

/* Of the keys that are this worker's by now; a noop's input is nothing to read. */
static const struct db_stmt leased_inputs_stmt = {.name = "lease_leased_inputs",
	.sql = INPUT_COLUMNS
	" as fits from unnest($1, $2, $7) with ordinality k(tenant_id, job_id, retention, ord)"
	" cross join lateral (select 1 from job j where j.tenant_id = k.tenant_id"
	"  and j.job_id = k.job_id and j.state = 'running' and j.worker_id = $9"
	"  and j.kind <> 'noop' limit 1) j"
	" cross join lateral (select * from job_input i where i.tenant_id = k.tenant_id"
	"  and i.job_id = k.job_id and i.retention = k.retention" INPUT_SPAN " limit 1) i"
	") i order by i.ord",
	.reads = true};

static const struct db_stmt held_stmt = {.name = "lease_held",
	.sql = "select k.ord from unnest($2, $3, $4) with ordinality k(tenant_id,"
	       " job_id, fence, ord)"
	       " cross join lateral (select 1 from job_lease l where l.worker_id = $1"
	       "  and l.tenant_id = k.tenant_id and l.job_id = k.job_id and l.fence ="
	       " k.fence limit 1) l",
	.reads = true};

static const struct db_stmt list_stmt = {.name = "lease_list",
	.sql = "select tenant_id, job_id, fence, event_from from job_lease where worker_id = $1",
	.reads = true};

void lease_claim_take(struct claim *c, const struct db_rows *r, size_t i)
{
	*c = (struct claim){
		.tenant = db_id(r, i, 0),
		.job = db_id(r, i, 1),
		.fence = db_int(r, i, 2),
		.queue_id = (int32_t)db_int(r, i, 3),
		.kind = db_text(r, i, 4),
		.model = db_text(r, i, 5),
		.priority = (int)db_int(r, i, 6),
		.attempt = (int)db_int(r, i, 7),
		.max_attempts = (int)db_int(r, i, 8),
		.crashes = (int)db_int(r, i, 9),
		.interruptions = (int)db_int(r, i, 10),
		.attempt_timeout_ms = db_int(r, i, 11),
		.deadline_left_ms = db_null(r, i, 12) ? INT64_MAX : db_int(r, i, 12),
		.created_ms = db_time(r, i, 13),
		.claimed_ms = db_time(r, i, 14),
		.queued_ms = db_int(r, i, 15),
		.event_from = db_int(r, i, 16),
		.event_to = db_int(r, i, 17),
		.restarted = db_int(r, i, 18) != 0,
		.probation = db_int(r, i, 19) != 0,
		.store = db_int(r, i, 20) != 0,
		.retention = (unsigned)db_int(r, i, 21),
		.forbidden = db_int(r, i, 22) != 0,
		.principal = db_id(r, i, 23),
		.holds = db_null(r, i, 24) ? NULL : db_text(r, i, 24),
		.told_model = db_null(r, i, 25) ? NULL : db_text(r, i, 25),
	};
}

static bool key_claimed(const struct db_rows *r, struct job_key key)
{
	size_t i;

	for (i = 0; i < db_rows_n(r); i++)
		if (id_equal(db_id(r, i, 1), key.job))
			return true;
	return false;
}

/* A hint upon a hint: when it cannot be sent, the leader's search for lost batches serves. */
static void refused_unmark(struct store_call *call, const struct db_rows *r)
{
	struct job_key *keys = call->batch;
	struct db_args a;
	size_t left = 0, i;

	for (i = 0; keys != NULL && i < call->n; i++)
		if (!key_claimed(r, keys[i]))
			keys[left++] = keys[i];
	if (left == 0 || db_begin(call->db, NULL, 0) != ERR_OK)
		return;
	db_args_init(&a);
	job_keys_args(&a, keys, left);
	db_query(call->db, &unmark_stmt, &a);
	db_commit(call->db, NULL, NULL);
}

static void input_take(struct claim_input *input, const struct db_rows *r, size_t i)
{
	*input = (struct claim_input){
		.tenant = db_id(r, i, 0),
		.job = db_id(r, i, 1),
		.input = db_value(r, i, 2),
		.subject = db_value(r, i, 3),
		.metadata = db_value(r, i, 4),
		.callback = db_value(r, i, 5),
		.fallback = db_value(r, i, 6),
		.trace = db_value(r, i, 7),
		.waits = db_int(r, i, 8) == 0,
		.key = subject_key_take(r, i, 9),
	};
}

/* NULL when there are none, or no memory: they can be read again. */
static struct claim_input *inputs_take(const struct db_rows *r)
{
	const size_t n = db_rows_n(r);
	struct claim_input *inputs = n ? calloc(n, sizeof(*inputs)) : NULL;

	for (size_t i = 0; inputs != NULL && i < n; i++)
		input_take(&inputs[i], r, i);
	return inputs;
}

/* Both come in nearly the same order: each search begins where the last one ended. */
static void claims_match(
	struct claim *claims, size_t n, const struct claim_input *inputs, size_t inputs_n)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t tried = 0; tried < inputs_n && claims[i].input == NULL; tried++) {
			if (!inputs[at].waits && id_equal(inputs[at].job, claims[i].job))
				claims[i].input = &inputs[at];
			at = (at + 1) % inputs_n;
		}
	}
}

static void on_claim(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	const bool by_keys = call->batch != NULL;
	size_t n = r != NULL ? db_rows_n(r) : 0, i;
	struct claim *claims = store_call_rows(&e, n, sizeof(*claims));
	struct claim_input *inputs =
		claims != NULL && by_keys ? inputs_take(db_reply_rows(reply, 2)) : NULL;

	for (i = 0; claims != NULL && i < n; i++)
		lease_claim_take(&claims[i], r, i);
	if (inputs != NULL)
		claims_match(claims, n, inputs, db_rows_n(db_reply_rows(reply, 2)));
	if (r != NULL && n < call->n)
		refused_unmark(call, r);
	((lease_claim_done *)call->done)(call->ctx, e, claims, claims != NULL ? n : 0);
	free(inputs);
	free(claims);
	free(call->batch);
	free(call);
}

static int by_job(const void *a, const void *b)
{
	const struct job_key *x = a, *y = b;

	return id_compare(x->job, y->job);
}

static void classes_arg(struct db_args *a, const struct job_key *keys, size_t n)
{
	DB_COLUMN(a, n, int2, (int16_t)id_class(keys[i].job));
}

static void keys_query(struct db *db, const struct db_stmt *stmt, struct id worker,
	const struct job_key *keys, size_t n)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, worker);
	job_keys_args(&a, keys, n);
	db_query(db, stmt, &a);
}

static void leased_inputs_query(
	struct db *db, struct id worker, const struct job_key *keys, size_t n)
{
	struct db_args a;

	db_args_init(&a);
	job_keys_args(&a, keys, n);
	job_span_args(&a, keys, n);
	classes_arg(&a, keys, n);
	db_arg_int8(&a, LEASE_CLAIM_BYTES);
	db_arg_id(&a, worker);
	db_query(db, &leased_inputs_stmt, &a);
}

enum err lease_claim_keys(struct db *db, struct id worker, const struct job_key *keys, size_t n,
	lease_claim_done *done, void *ctx)
{
	struct job_key *own = malloc((n + 1) * sizeof(*own));
	struct store_call *call;
	enum err e;

	if (own == NULL)
		return ERR_NOMEM;
	memcpy(own, keys, n * sizeof(*own));
	qsort(own, n, sizeof(*own), by_job);
	e = store_call_begin(db, NULL, 0, &call);
	if (e != ERR_OK) {
		free(own);
		return e;
	}
	call->done = (store_call_fn *)done;
	call->ctx = ctx;
	call->batch = own;
	call->n = n;
	keys_query(db, &keys_stmt, worker, own, n);
	keys_query(db, &leased_scope_stmt, worker, own, n);
	leased_inputs_query(db, worker, own, n);
	db_commit(db, on_claim, call);
	return ERR_OK;
}

static void on_inputs(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	size_t n = r != NULL ? db_rows_n(r) : 0, i;
	struct claim_input *rows = store_call_rows(&e, n, sizeof(*rows));

	for (i = 0; rows != NULL && i < n; i++)
		input_take(&rows[i], r, i);
	((lease_inputs_done *)call->done)(call->ctx, e, rows, rows != NULL ? n : 0);
	free(rows);
	free(call);
}

enum err lease_inputs(
	struct db *db, const struct job_key *keys, size_t n, lease_inputs_done *done, void *ctx)
{
	struct id *tenants = store_call_tenants(keys, n, job_key_tenant);
	struct db_args a;
	enum err e;

	if (tenants == NULL)
		return ERR_NOMEM;
	db_args_init(&a);
	job_keys_args(&a, keys, n);
	job_span_args(&a, keys, n);
	classes_arg(&a, keys, n);
	db_arg_int8(&a, LEASE_INPUTS_BYTES);
	e = store_call_run(&(struct store_call_ask){.db = db,
		.tenants = tenants,
		.tenants_n = n,
		.stmt = &inputs_stmt,
		.args = &a,
		.on_done = on_inputs,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
	free(tenants);
	return e;
}

static void on_list(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	size_t n = r != NULL ? db_rows_n(r) : 0, i;
	struct lease *leases = store_call_rows(&e, n, sizeof(*leases));

	for (i = 0; leases != NULL && i < n; i++)
		leases[i] = (struct lease){.tenant = db_id(r, i, 0),
			.job = db_id(r, i, 1),
			.fence = db_int(r, i, 2),
			.event_from = db_int(r, i, 3)};
	((lease_list_done *)call->done)(call->ctx, e, leases, leases != NULL ? n : 0);
	free(leases);
	free(call);
}

enum err lease_list(struct db *db, struct id worker, lease_list_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, worker);
	return store_call_run(&(struct store_call_ask){.db = db,
		.stmt = &list_stmt,
		.args = &a,
		.on_done = on_list,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}

static void on_held(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	bool *held = store_call_rows(&e, call->n, sizeof(*held));
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	size_t i;

	for (i = 0; held != NULL && i < db_rows_n(r); i++)
		held[db_int(r, i, 0) - 1] = true;
	((lease_held_done *)call->done)(call->ctx, e, held, held != NULL ? call->n : 0);
	free(held);
	free(call);
}

enum err lease_revalidate(struct db *db, struct id worker, const struct lease_key *keys, size_t n,
	lease_held_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, worker);
	DB_COLUMN(&a, n, id, keys[i].tenant);
	DB_COLUMN(&a, n, id, keys[i].job);
	DB_COLUMN(&a, n, int8, keys[i].fence);
	return store_call_run(&(struct store_call_ask){.db = db,
		.stmt = &held_stmt,
		.args = &a,
		.on_done = on_held,
		.with = {.done = (store_call_fn *)done, .ctx = ctx, .n = n}});
}
