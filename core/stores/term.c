#include "stores/term.h"

#include "stores/store_call.h"

#include <stdlib.h>

/* Its own term goes on; one that has run out, even its own, is followed by the next number. */
static const struct db_stmt TERM_HOLD = {.name = "term_hold",
	.sql = "update leader_term set"
	       " number = case when leader = $1 and until > now() then number else number + 1 end,"
	       " leader = $1, until = now() + $2 * interval '1 millisecond'"
	       " where one and (leader = $1 or until <= now())",
	false};
static const struct db_stmt TERM_READ = {.name = "term_read",
	.sql = "select case when leader = $1 then number else 0 end,"
	       " (extract(epoch from greatest(until - now(), interval '0')) * 1000)::bigint, leader"
	       " from leader_term where one",
	true};
static const struct db_stmt TERM_RELEASE = {.name = "term_release",
	.sql = "update leader_term set until = now() where one and leader = $1 and number = $2",
	false};

static void hold_ended(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	struct term term = {0};

	if (e == ERR_OK) {
		const struct db_rows *rows = db_reply_rows(reply, 1);

		term.number = db_int(rows, 0, 0);
		term.left_ms = db_int(rows, 0, 1);
		term.leader = db_id(rows, 0, 2);
	}
	((term_hold_done *)call->done)(call->ctx, e, &term);
	free(call);
}

enum err term_hold(struct db *db, struct id scheduler, int64_t ms, term_hold_done *done, void *ctx)
{
	struct store_call *call;
	struct db_args args;
	enum err e = store_call_begin(db, NULL, 0, &call);

	if (e != ERR_OK)
		return e;
	call->done = (store_call_fn *)done;
	call->ctx = ctx;
	db_args_init(&args);
	db_arg_id(&args, scheduler);
	db_arg_int8(&args, ms);
	db_query(db, &TERM_HOLD, &args);
	db_args_init(&args);
	db_arg_id(&args, scheduler);
	db_query(db, &TERM_READ, &args);
	db_commit(db, hold_ended, call);
	return ERR_OK;
}

enum err term_release(
	struct db *db, struct id scheduler, int64_t number, db_done_fn *done, void *ctx)
{
	struct db_args args;
	enum err e = db_begin(db, NULL, 0);

	if (e != ERR_OK)
		return e;
	db_args_init(&args);
	db_arg_id(&args, scheduler);
	db_arg_int8(&args, number);
	db_query(db, &TERM_RELEASE, &args);
	db_commit(db, done, ctx);
	return ERR_OK;
}
