#include "stores/term.h"

#include "stores/call.h"
#include "stores/term_work.h"

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
	struct call *call = ctx;
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
	struct call *call;
	struct db_args args;
	enum err e = call_begin(db, NULL, 0, &call);

	if (e != ERR_OK)
		return e;
	call->done = (call_fn *)done;
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

/* ---- what the leader's other statements share ---- */

static void work_ended(void *ctx, enum err e, const struct db_reply *reply)
{
	struct call *call = ctx;
	size_t n = 0;

	if (e == ERR_OK) {
		const struct db_rows *rows = db_reply_rows(reply, call->n - 1);

		n = (size_t)db_int(rows, 0, 1);
		e = db_int(rows, 0, 0) == 1 ? ERR_OK : ERR_LOST;
	}
	((term_work_done *)call->done)(call->ctx, e, n);
	free(call);
}

enum err term_work_commit(struct db *db, size_t statements, term_work_done *done, void *ctx)
{
	struct call *call = calloc(1, sizeof(*call));

	if (call == NULL) {
		db_abandon(db);
		return ERR_NOMEM;
	}
	*call = (struct call){.done = (call_fn *)done, .ctx = ctx, .n = statements};
	db_commit(db, work_ended, call);
	return ERR_OK;
}

enum err term_work_run(struct db *db, const struct db_stmt *stmt, int64_t term, size_t limit,
	term_work_done *done, void *ctx)
{
	struct db_args args;
	enum err e = db_begin(db, NULL, 0);

	if (e != ERR_OK)
		return e;
	db_args_init(&args);
	db_arg_int8(&args, term);
	db_arg_int8(&args, (int64_t)limit);
	db_query(db, stmt, &args);
	return term_work_commit(db, 1, done, ctx);
}
