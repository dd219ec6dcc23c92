/* The rest of lease.h: claims from the tables. */
#include "stores/lease_sql.h"
#include "stores/share_sql.h"
#include "stores/store_call.h"

#include <stdlib.h>

/* A queue's room is what its cap and the worker's other queues (spare) leave it. A rate is kept by
 * the leader's marks: unmarked rows of such a queue stay. */
#define TAKEN                                                                             \
	"(not r.probation or (select tries from setting)) and (not q.rated or r.batch_id" \
	" is not null)"

/* $1 worker, $2 queues (none = all), $3 the tenant whose turn was last, $4 how many, $5-7 deficits,
 * $8-10 queues, what we hold of each, and what more it may have. */
/* clang-format off */
#define QUEUES                                                                                   \
	" load as materialized (select * from unnest($8, $9, $10) k(queue_id, held, spare)),"    \
	" queues as materialized (select q.* from"                                               \
	"   (select q.queue_id, q.weight, coalesce(k.held, 0) as held, least(k.spare,"           \
	"     case when q.concurrency > 0 then coalesce((select room.free from room"             \
	"      where room.queue_id = q.queue_id), 0) end) as free, q.rate > 0 as rated"          \
	"     from queue q left join lateral (select held, spare from load k"                    \
	"      where k.queue_id = q.queue_id limit 1) k on true"                                 \
	"     where not q.paused and (cardinality($2) = 0 or q.queue_id = any($2))"              \
	"     and (select alive from setting)) q where q.free is null or q.free > 0),"
#define SPOT                                                                                     \
	", spot as materialized (select row_number() over () as ord, r.at as ready_at,"          \
	"   r.probation from"                                                                    \
	"   (select s.*, v.rated from (select * from share where n > 0 order by ord) s"          \
	"     cross join lateral (select rated from queues v where v.queue_id = s.queue_id"      \
	"      limit 1) v) q cross join lateral"                                                 \
	SHARE_ROWS("r.ctid as at, r.probation", TAKEN, "q.n for update skip locked") " r)"
#define OWING                                                                                    \
	" union all select tenant_id, null, owed, queue_id, null, null, null, null, null, null," \
	" null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null"\
	" from owing"
#define DIRECT(RANK, SPREAD)                                                                     \
	"with" LEASE_SETTING "," QUEUES SHARE_PAIRS("$5", "$6", "$7", "$3", TAKEN)               \
	SHARE_LINE("$4", SHARE_RUNNING("p.tenant_id"), SPREAD) SHARE_SEEN(TAKEN)                 \
	RANK SHARE_CHOSEN("$4") SPOT LEASE_TAKE LEASE_REPLY OWING

/* With several queues a share is what is left by those that hold more: more is looked at. */
static const struct db_stmt one_stmt = {
	.name = "lease_direct_one", .sql = DIRECT(SHARE_RANK_ONE, "1")};
static const struct db_stmt many_stmt = {
	.name = "lease_direct_many", .sql = DIRECT(SHARE_RANK_MANY, "2.0")};
/* clang-format on */

static void turn_take(
	struct claim_turn *turn, struct deficit *owed, const struct db_rows *r, size_t i)
{
	const int64_t amount = db_int(r, i, 2);

	if (amount < 0)
		turn->after = db_id(r, i, 0);
	else
		owed[turn->owed_n++] =
			(struct deficit){(int32_t)db_int(r, i, 3), db_id(r, i, 0), amount};
}

static void on_direct(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	size_t rows = r != NULL ? db_rows_n(r) : 0, n = 0, i;
	struct claim *claims = store_call_rows(&e, rows, sizeof(*claims));
	struct deficit *owed = store_call_rows(&e, rows, sizeof(*owed));
	struct claim_turn turn = {.owed = owed};

	for (i = 0; claims != NULL && owed != NULL && i < rows; i++) {
		if (db_null(r, i, 1))
			turn_take(&turn, owed, r, i);
		else
			lease_claim_take(&claims[n++], r, i);
	}
	((lease_direct_done *)call->done)(call->ctx, e, claims, n, e == ERR_OK ? &turn : NULL);
	free(claims);
	free(owed);
	free(call);
}

static void load_args(struct db_args *a, const struct claim_load *loads, size_t n)
{
	DB_COLUMN(a, n, int4, loads[i].queue_id);
	DB_COLUMN(a, n, int8, loads[i].held);
	DB_COLUMN(a, n, int8, loads[i].spare);
}

enum err lease_claim_direct(struct db *db, struct id worker, const struct claim_direct *ask,
	lease_direct_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, worker);
	DB_COLUMN(&a, ask->queues_n, int4, ask->queues[i]);
	db_arg_id(&a, ask->after_tenant);
	db_arg_int8(&a, (int64_t)ask->max);
	share_deficit_args(&a, ask->deficits, 0);
	load_args(&a, ask->loads, ask->loads_n);
	return store_call_run(&(struct store_call_ask){.db = db,
		.stmt = ask->loads_n > 0 ? &many_stmt : &one_stmt,
		.args = &a,
		.on_done = on_direct,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}
