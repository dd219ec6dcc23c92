#include "stores/queue.h"
#include "stores/believed.h"
#include "stores/store_call.h"

#include <stdlib.h>

#define COLUMNS                                                                                    \
	"q.queue_id, q.name, q.concurrency, q.max_queued, q.weight, q.rate, q.paused, q.draining," \
	" q.version, f.queued, f.waiting, f.running, f.oldest_at, f.counted_at, f.free_slots,"     \
	" f.allot, f.allot_epoch, f.drain_rate, q.max_age_s, q.attempt_timeout_s, q.deadline_s"

static const struct db_stmt list_stmt = {.name = "queue_list",
	.sql = "select " COLUMNS " from (select * from queue order by queue_id limit 1000) q"
	       " left join lateral (select * from queue_flow f where f.queue_id ="
	       " q.queue_id limit 1) f on true",
	.reads = true};

/* An audit row's object is an id: a queue's is its number.
 * create = false updates only; the audit row belongs to the installation. */
static const struct db_stmt patch_stmt = {.name = "queue_patch",
	.sql = "with q as (insert into queue as q (name, concurrency, max_queued,"
	       " weight, rate, paused, draining, max_age_s, attempt_timeout_s, deadline_s)"
	       "  select $1, coalesce($3::int4, 0), coalesce($4::int8, 0), coalesce($5::int4, 1),"
	       "   coalesce($6::float8, 0), coalesce($7::int4, 0) <> 0, coalesce($8::int4, 0) <> 0,"
	       "   coalesce($14::int4, 0), coalesce($15::int4, 0), coalesce($16::int4, 0)"
	       "  where ($2 or exists (select from queue where name = $1)) and" BELIEVED
	       "  on conflict (name) do update set concurrency = coalesce($3, q.concurrency),"
	       "   max_queued = coalesce($4, q.max_queued), weight = coalesce($5, q.weight),"
	       "   rate = coalesce($6, q.rate), paused = coalesce($7 <> 0, q.paused),"
	       "   draining = coalesce($8 <> 0, q.draining),"
	       "   max_age_s = coalesce($14, q.max_age_s),"
	       "   attempt_timeout_s = coalesce($15, q.attempt_timeout_s),"
	       "   deadline_s = coalesce($16, q.deadline_s), version = q.version + 1 returning *),"
	       " f as (insert into queue_flow (queue_id) select queue_id from q on"
	       " conflict (queue_id)"
	       "  do update set allot_epoch = queue_flow.allot_epoch returning *),"
	       " a as (insert into audit (tenant_id, " AUDIT_BY ", action, object)"
	       "  select " AUDIT_SYSTEM_SQL ", $9, $10, $11, $12, $13,"
	       " 'queue.patch', ('00000000-0000-0000-0000-' || lpad(to_hex(queue_id), 12, '0'))::uuid"
	       "  from q)"
	       " select " COLUMNS " from q, f"};

static void tell(struct store_call *call, enum err e, const struct db_rows *r, enum err when_none)
{
	size_t n = r != NULL ? db_rows_n(r) : 0, i;
	struct queue *rows;

	if (e == ERR_OK && n == 0)
		e = when_none;
	rows = store_call_rows(&e, n, sizeof(*rows));
	for (i = 0; rows != NULL && i < n; i++)
		rows[i] = (struct queue){
			.id = (int32_t)db_int(r, i, 0),
			.name = db_text(r, i, 1),
			.concurrency = (int32_t)db_int(r, i, 2),
			.max_queued = db_int(r, i, 3),
			.weight = (int32_t)db_int(r, i, 4),
			.rate = db_float(r, i, 5),
			.paused = db_int(r, i, 6) != 0,
			.draining = db_int(r, i, 7) != 0,
			.version = db_int(r, i, 8),
			.queued = db_int(r, i, 9),
			.waiting = db_int(r, i, 10),
			.running = db_int(r, i, 11),
			.oldest_ms = db_time(r, i, 12),
			.counted_ms = db_time(r, i, 13),
			.free_slots = db_int(r, i, 14),
			.allot = db_int(r, i, 15),
			.allot_epoch = db_int(r, i, 16),
			.drain_rate = db_float(r, i, 17),
			.max_age_s = (int32_t)db_int(r, i, 18),
			.attempt_timeout_s = (int32_t)db_int(r, i, 19),
			.deadline_s = (int32_t)db_int(r, i, 20),
		};
	((queue_done *)call->done)(call->ctx, e, rows, rows != NULL ? n : 0);
	free(rows);
	free(call);
}

static void on_list(void *ctx, enum err e, const struct db_reply *reply)
{
	tell(ctx, e, e ? NULL : db_reply_rows(reply, 0), ERR_OK);
}

static void on_patch(void *ctx, enum err e, const struct db_reply *reply)
{
	const struct db_rows *r;

	e = believed_rows(e, reply, &r);
	tell(ctx, e, r, ERR_NOT_FOUND);
}

enum err queue_list(struct db *db, queue_done *done, void *ctx)
{
	return store_call_run(&(struct store_call_ask){db, NULL, 0, &list_stmt, NULL, on_list,
		{.done = (store_call_fn *)done, .ctx = ctx}});
}

enum err queue_patch(struct db *db, const struct queue_change *change, bool create,
	const struct audit_actor *by, queue_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_text(&a, change->name);
	db_arg_bool(&a, create);
	db_arg_int4_if(&a, change->has_concurrency, change->concurrency);
	db_arg_int8_if(&a, change->has_max_queued, change->max_queued);
	db_arg_int4_if(&a, change->has_weight, change->weight);
	db_arg_float8_if(&a, change->has_rate, change->rate);
	db_arg_int4_if(&a, change->has_paused, change->paused);
	db_arg_int4_if(&a, change->has_draining, change->draining);
	audit_by_args(&a, by);
	db_arg_int4_if(&a, change->has_max_age_s, change->max_age_s);
	db_arg_int4_if(&a, change->has_attempt_timeout_s, change->attempt_timeout_s);
	db_arg_int4_if(&a, change->has_deadline_s, change->deadline_s);
	return believed_run(&(struct store_call_ask){db, NULL, 0, &patch_stmt, &a, on_patch,
				    {.done = (store_call_fn *)done, .ctx = ctx}},
		by);
}
