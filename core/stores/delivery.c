#include "stores/delivery.h"

#include "stores/store_call.h"
#include "stores/subject_key.h"

#include <stdlib.h>
#include <string.h>

/* The tenant behind x that has deliveries to come, and after the last one the first: a step in the
 * index by turn, however many rows lie between two tenants. */
#define ONE_TENANT(behind)                                                      \
	"(select d.tenant_id from delivery d where d.due_at is not null" behind \
	" order by d.tenant_id, d.due_at limit 1)"
#define NEXT_TENANT(x) "coalesce(" ONE_TENANT(" and d.tenant_id > " x) ", " ONE_TENANT("") ")"
#define TURN_TENANTS   "256"
#define TURN_ROWS      "8"

/* Tenants in turn, behind $4, each with a few of its rows; what that leaves of $2 is filled with
 * the oldest of all. The turn is walked no further than the rows last. A claim moves the row's own
 * due time behind the lease: lost, it becomes due by itself. */
static const struct db_stmt DELIVERY_TAKE = {.name = "delivery_take",
	.sql = "with recursive turn as (select f.tenant_id, f.tenant_id as first, 1 as nth"
	       " from (select " NEXT_TENANT(
		       "$4") " as tenant_id) f where f.tenant_id is not null"
			     " union all select n.tenant_id, t.first, t.nth + 1 from turn t cross join lateral"
			     " (select " NEXT_TENANT(
				     "t.tenant_id") " as tenant_id) n"
						    " where n.tenant_id <> t.first and t.nth < " TURN_TENANTS
						    "),"
						    " own as materialized (select o.at, t.nth from turn t cross join lateral"
						    " (select ctid as at from delivery d where d.tenant_id = t.tenant_id"
						    " and d.due_at <= now() order by d.due_at limit " TURN_ROWS
						    " for update skip locked) o limit $2),"
						    " rest as materialized (select ctid as at, 0 as nth from delivery"
						    " where due_at <= now() and ctid <> all(array(select at from own)) order by due_at"
						    " limit $2 - (select count(*) from own) for update skip locked),"
						    " taken as materialized (select * from own union all select * from rest)"
						    " update delivery d set state = 'sending', worker_id = $1, fence = fence + 1,"
						    " attempt = attempt + 1, due_at = now() + $3 * interval '1 millisecond'"
						    " from taken where d.ctid = taken.at"
						    " returning d.tenant_id, d.delivery_id, d.job_id, taken.nth",
	false};
static const struct db_stmt DELIVERY_CONTENT = {.name = "delivery_content",
	.sql = "select d.tenant_id, d.delivery_id, d.job_id, d.job_state::text, q.name, d.attempt, d.fence,"
	       " d.created_at, i.callback, i.metadata, s.webhook_secret, s.callback_origins,"
	       " " KEY_OF("i") ", " KEY_OF(
		       "s") " from unnest($2::uuid[], $3::uuid[]) k(tenant_id, delivery_id) cross join lateral"
			    " (select * from delivery d where d.tenant_id = k.tenant_id and d.delivery_id = k.delivery_id"
			    " and d.worker_id = $1 and d.state = 'sending' limit 1) d"
			    " left join lateral (select name from queue q where q.queue_id = d.queue_id limit 1) q on true"
			    " left join lateral (select tenant_id, key_id, callback, metadata from job_input i where i.tenant_id = d.tenant_id"
			    " and i.job_id = d.job_id and i.retention = d.retention limit 1) i on true"
			    " left join lateral (select tenant_id, webhook_secret, callback_origins,"
			    " '00000000-0000-0000-0000-000000000000'::uuid as key_id from tenant_setting s"
			    " where s.tenant_id = d.tenant_id limit 1) s on true",
	true};

/* enum delivery_as, as the statement has it. */
#define AS_DONE	    "0"
#define AS_AGAIN    "1"
#define AS_GIVEN_UP "2"
#define AS_DEFERRED "3"
_Static_assert(DELIVERY_DONE == 0 && DELIVERY_AGAIN == 1 && DELIVERY_GIVEN_UP == 2 &&
		       DELIVERY_DEFERRED == 3,
	"as the texts say");

/* $2-$4: tenant, delivery, fence; $5 as, $6 delay, $7 error, $8 status, $9 latency, $10 address. */
static const struct db_stmt DELIVERY_END = {.name = "delivery_end",
	.sql = "with e as materialized (select e.*, d.at from unnest($2::uuid[], $3::uuid[], $4::bigint[],"
	       " $5::int[], $6::bigint[], $7::text[], $8::int[], $9::int[], $10::text[], $11::int[])"
	       " e(tenant_id, delivery_id, fence, ended, delay_ms, error_code, status, latency_ms, address, i)"
	       " cross join lateral (select ctid as at from delivery d where d.tenant_id = e.tenant_id"
	       " and d.delivery_id = e.delivery_id and d.worker_id = $1 and d.fence = e.fence"
	       " and d.state = 'sending' limit 1) d order by e.delivery_id),"
	       " upd as (update delivery d set attempt = d.attempt - (e.ended = " AS_DEFERRED
	       ")::int,"
	       " state = case e.ended when " AS_DONE " then 'delivered' when " AS_GIVEN_UP
	       " then 'given_up' else 'due' end,"
	       " due_at = case when e.ended in (" AS_AGAIN ", " AS_DEFERRED
	       ") then now() + e.delay_ms * interval '1 millisecond' end"
	       " from e where d.ctid = e.at and d.fence = e.fence"
	       " returning d.tenant_id, d.delivery_id, d.attempt, d.fence, d.due_at, e.ended, e.error_code,"
	       " e.status, e.latency_ms, e.address, e.i),"
	       " log as (insert into delivery_attempt (tenant_id, delivery_id, attempt, fence, next_at,"
	       " latency_ms, status, error_code, address) select tenant_id, delivery_id, attempt, fence,"
	       " due_at, latency_ms, status, error_code, address from upd where ended <> " AS_DEFERRED
	       ")"
	       " select i from upd",
	false};
static const struct db_stmt DELIVERY_LIST = {.name = "delivery_list",
	.sql = "select d.delivery_id, 'job.' || d.job_state::text, d.state, coalesce(a.attempt, 0), a.at,"
	       " d.due_at, a.status, a.latency_ms, a.error_code, a.address"
	       " from delivery d left join lateral (select * from delivery_attempt a"
	       " where a.tenant_id = d.tenant_id and a.delivery_id = d.delivery_id) a on true"
	       " where d.tenant_id = $1 and d.job_id = $2 order by d.delivery_id, a.attempt, a.fence",
	true};

/* "job.completed" and so on live as long as the program. */
static const char *event_of(enum job_state s)
{
	static const char *const EVENTS[JOB_STATES] = {
		[JOB_COMPLETED] = "job.completed",
		[JOB_FAILED] = "job.failed",
		[JOB_CANCELLED] = "job.cancelled",
		[JOB_EXPIRED] = "job.expired",
	};

	return s < JOB_STATES && EVENTS[s] != NULL ? EVENTS[s] : "";
}

static struct delivery content_row(const struct db_rows *rows, size_t i)
{
	struct delivery d = {
		.tenant = db_id(rows, i, 0),
		.id = db_id(rows, i, 1),
		.job = db_id(rows, i, 2),
		.state = job_state_from_text(db_text(rows, i, 3)),
		.queue = db_text(rows, i, 4),
		.attempt = (int)db_int(rows, i, 5),
		.fence = db_int(rows, i, 6),
		.created_ms = db_time(rows, i, 7),
		.callback = db_value(rows, i, 8),
		.metadata = db_value(rows, i, 9),
		.webhook_secret = db_value(rows, i, 10),
		.callback_origins = db_value(rows, i, 11),
		.key = subject_key_take(rows, i, 12),
		.tenant_key = subject_key_take(rows, i, 14),
	};

	d.event = event_of(d.state);
	return d;
}

static void content_ended(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *rows = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	size_t n = rows != NULL ? db_rows_n(rows) : 0;
	struct delivery *list = store_call_rows(&e, n, sizeof(*list));

	for (size_t i = 0; list != NULL && i < n; i++)
		list[i] = content_row(rows, i);
	((delivery_claim_done *)call->done)(call->ctx, e, list, list != NULL ? n : 0);
	free(list);
	free(call);
}

/* The ids are known: read where to and with which secret, as their tenants. */
static enum err content_read(struct store_call *call, const struct db_rows *rows)
{
	size_t n = db_rows_n(rows);
	struct id *ids = calloc(n * 2, sizeof(*ids));
	struct db_args args;
	enum err e = ERR_NOMEM;

	if (ids == NULL)
		return e;
	for (size_t i = 0; i < n; i++) {
		ids[i] = db_id(rows, i, 0);
		ids[n + i] = db_id(rows, i, 1);
	}
	e = db_begin(call->db, ids, n);
	if (e != ERR_OK)
		goto out;
	db_args_init(&args);
	db_arg_id(&args, call->id);
	db_arg_ids(&args, ids, n);
	db_arg_ids(&args, ids + n, n);
	db_query(call->db, &DELIVERY_CONTENT, &args);
	db_commit(call->db, content_ended, call);
out:
	free(ids);
	return e;
}

/* The next claim begins behind the last tenant of this one's turn. */
static void turn_keep(struct id *turn, const struct db_rows *rows)
{
	int64_t last = 0;

	for (size_t i = 0; i < db_rows_n(rows); i++)
		if (db_int(rows, i, 3) > last) {
			last = db_int(rows, i, 3);
			*turn = db_id(rows, i, 0);
		}
}

static void take_ended(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *rows = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;

	if (rows != NULL && db_rows_n(rows) > 0) {
		turn_keep(call->batch, rows);
		e = content_read(call, rows);
		if (e == ERR_OK)
			return;
	}
	((delivery_claim_done *)call->done)(call->ctx, e, NULL, 0);
	free(call);
}

enum err delivery_claim(struct db *db, struct id worker, const struct delivery_ask *ask,
	delivery_claim_done *done, void *ctx)
{
	struct db_args args;

	db_args_init(&args);
	db_arg_id(&args, worker);
	db_arg_int8(&args, (int64_t)ask->max);
	db_arg_int8(&args, ask->lease_ms);
	db_arg_id(&args, *ask->turn);
	return store_call_run(&(struct store_call_ask){db, NULL, 0, &DELIVERY_TAKE, &args,
		take_ended,
		{.done = (store_call_fn *)done, .ctx = ctx, .batch = ask->turn, .id = worker}});
}

struct end {
	delivery_end_done *done;
	void *ctx;
	size_t n;
	struct delivery_end *batch[];
};

static void end_ended(void *ctx, enum err e, const struct db_reply *reply)
{
	struct end *end = ctx;

	for (size_t i = 0; i < end->n; i++)
		end->batch[i]->outcome = e == ERR_OK ? ERR_LOST : e;
	if (e == ERR_OK) {
		const struct db_rows *rows = db_reply_rows(reply, 0);

		for (size_t r = 0; r < db_rows_n(rows); r++)
			end->batch[db_int(rows, r, 0)]->outcome = ERR_OK;
	}
	end->done(end->ctx, e, end->batch, end->n);
	free(end);
}

static void end_keys(struct db_args *args, struct delivery_end *const *batch, size_t n)
{
	DB_COLUMN(args, n, id, batch[i]->tenant);
	DB_COLUMN(args, n, id, batch[i]->id);
	DB_COLUMN(args, n, int8, batch[i]->fence);
}

static void end_facts(struct db_args *args, struct delivery_end *const *batch, size_t n)
{
	DB_COLUMN(args, n, int4, (int32_t)batch[i]->as);
	DB_COLUMN(args, n, int8, batch[i]->delay_ms);
	DB_COLUMN(args, n, text, err_code(batch[i]->error));
	DB_COLUMN(args, n, int4, batch[i]->status);
	DB_COLUMN(args, n, int4, batch[i]->latency_ms);
	DB_COLUMN(args, n, text, batch[i]->address != NULL ? batch[i]->address : "");
	DB_COLUMN(args, n, int4, (int32_t)i);
}

enum err delivery_end(struct db *db, struct id worker, struct delivery_end *const *batch, size_t n,
	delivery_end_done *done, void *ctx)
{
	struct end *end = malloc(sizeof(*end) + n * sizeof(end->batch[0]));
	enum err e = end == NULL ? ERR_NOMEM : db_begin(db, NULL, 0);
	struct db_args args;

	if (e != ERR_OK) {
		free(end);
		return e;
	}
	end->done = done;
	end->ctx = ctx;
	end->n = n;
	memcpy(end->batch, batch, n * sizeof(batch[0]));
	db_args_init(&args);
	db_arg_id(&args, worker);
	end_keys(&args, batch, n);
	end_facts(&args, batch, n);
	db_query(db, &DELIVERY_END, &args);
	db_commit(db, end_ended, end);
	return ERR_OK;
}

static struct delivery_row list_row(const struct db_rows *rows, size_t i)
{
	return (struct delivery_row){
		.id = db_id(rows, i, 0),
		.event = db_text(rows, i, 1),
		.state = db_text(rows, i, 2),
		.attempt = (int)db_int(rows, i, 3),
		.at_ms = db_time(rows, i, 4),
		.next_ms = db_time(rows, i, 5),
		.status = (int)db_int(rows, i, 6),
		.latency_ms = (int32_t)db_int(rows, i, 7),
		.error_code = db_text(rows, i, 8),
		.address = db_text(rows, i, 9),
	};
}

static void list_ended(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *rows = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	size_t n = rows != NULL ? db_rows_n(rows) : 0;
	struct delivery_row *out = store_call_rows(&e, n, sizeof(*out));

	for (size_t i = 0; out != NULL && i < n; i++)
		out[i] = list_row(rows, i);
	((delivery_list_done *)call->done)(call->ctx, e, out, out != NULL ? n : 0);
	free(out);
	free(call);
}

enum err delivery_list(struct db *db, struct job_key key, delivery_list_done *done, void *ctx)
{
	struct db_args args;

	db_args_init(&args);
	db_arg_id(&args, key.tenant);
	db_arg_id(&args, key.job);
	return store_call_run(&(struct store_call_ask){db, &key.tenant, 1, &DELIVERY_LIST, &args,
		list_ended, {.done = (store_call_fn *)done, .ctx = ctx}});
}
