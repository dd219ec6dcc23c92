#include "stores/audit_tree.h"

#include "stores/audit_columns.h"
#include "stores/store_call.h"
#include "stores/term_work.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_AT AUDIT_US("b.at")
static const struct db_stmt head_stmt = {.name = "audit_head",
	.sql = "select b.position + b.count, b.xid::text::int8, b.row_id, " HEAD_AT ", b.frontier,"
	       " c.size, c.made_at, c.note, f.xid::text::int8,"
	       " pg_snapshot_xmin(pg_current_snapshot())::text::int8,"
	       " exists (select from audit_signer s join audit_signer n on n.since > s.since"
	       "  where s.name = $1) from (select 1) one"
	       " left join lateral (select * from audit_batch order by position desc limit 1) b"
	       "  on true"
	       " left join lateral (select xid from audit_batch order by position limit 1) f on true"
	       " left join lateral (select * from audit_checkpoint order by size desc limit 1) c"
	       "  on true",
	.reads = true};

static const struct db_stmt take_stmt = {.name = "audit_take",
	.sql = "select " AUDIT_ROW ", a.xid, a.row_id from audit a"
	       " where (a.xid, a.row_id) > ($1::int8::text::xid8, $2::int8)"
	       " and a.xid < pg_snapshot_xmin(pg_current_snapshot())"
	       " and a.at > to_timestamp($3::int8 / 1000000.0) - interval '1 day'"
	       " order by a.xid, a.row_id limit $4",
	.reads = true};

static const struct db_stmt append_stmt = {.name = "audit_append",
	.sql = "with " TERM_SQL ", b as (insert into audit_batch"
	       " (position, count, xid, row_id, at, leaves, frontier)"
	       " select $2, $3, $4::int8::text::xid8, $5, to_timestamp($6::int8 / 1000000.0), $7, $8"
	       " where " TERM_HELD " and $2 = coalesce((select position + count from audit_batch"
	       "  order by position desc limit 1), 0) on conflict do nothing returning 1)"
	       " select " TERM_REPLY ", (select count(*) from b)",
	false};

static const struct db_stmt sign_stmt = {.name = "audit_sign",
	.sql = "with " TERM_SQL ", s as (insert into audit_signer (name) select $4 where " TERM_HELD
	       "  on conflict do nothing),"
	       " c as (insert into audit_checkpoint (size, note) select $2, $3 where " TERM_HELD
	       "  and $2 = (select position + count from audit_batch order by position desc limit 1)"
	       "  on conflict do nothing returning 1)"
	       " select " TERM_REPLY ", (select count(*) from c)",
	false};

/* ---- the head ---- */

static bool frontier_take(struct merkle_frontier *f, uint64_t size, struct db_bytes peaks)
{
	if (peaks.len != merkle_peaks(size) * sizeof *f->peaks)
		return false;
	f->size = size;
	if (peaks.len > 0)
		memcpy(f->peaks, peaks.bytes, peaks.len);
	return true;
}

static void on_head(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	struct audit_head head = {.signed_size = 0};

	if (e == ERR_OK) {
		const struct db_rows *r = db_reply_rows(reply, 0);

		head.place =
			(struct audit_place){db_int(r, 0, 1), db_int(r, 0, 2), db_int(r, 0, 3)};
		head.signed_size = (uint64_t)db_int(r, 0, 5);
		head.signed_ms = db_time(r, 0, 6);
		head.note = db_text(r, 0, 7);
		head.retired = db_int(r, 0, 10) != 0;
		if (head.place.xid >= db_int(r, 0, 9))
			e = ERR_CONFLICT;
		else if (!frontier_take(
				 &head.frontier, (uint64_t)db_int(r, 0, 0), db_value(r, 0, 4)))
			e = ERR_INTERNAL;
	}
	((audit_head_done *)call->done)(call->ctx, e, e == ERR_OK ? &head : NULL);
	free(call);
}

enum err audit_head_read(struct db *db, const char *key, audit_head_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_text(&a, key);
	return store_call_run(&(struct store_call_ask){.db = db,
		.stmt = &head_stmt,
		.args = &a,
		.on_done = on_head,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}

/* ---- taking ---- */

static void on_taken(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	size_t n = r != NULL ? db_rows_n(r) : 0;
	struct audit_entry *entries = store_call_rows(&e, n, sizeof *entries);

	for (size_t i = 0; entries != NULL && i < n; i++) {
		audit_row_take(&entries[i].row, r, i);
		entries[i].place = (struct audit_place){db_int(r, i, AUDIT_ROW_COLUMNS),
			db_int(r, i, AUDIT_ROW_COLUMNS + 1), entries[i].row.at_us};
	}
	((audit_take_done *)call->done)(call->ctx, e, entries, entries != NULL ? n : 0);
	free(entries);
	free(call);
}

enum err audit_take(struct db *db, const struct audit_place *after, size_t limit,
	audit_take_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_int8(&a, after->xid);
	db_arg_int8(&a, after->row_id);
	db_arg_int8(&a, after->at_us);
	db_arg_int8(&a, (int64_t)limit);
	return store_call_run(&(struct store_call_ask){.db = db,
		.stmt = &take_stmt,
		.args = &a,
		.on_done = on_taken,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}

/* ---- appending ---- */

static void append_query(struct db *db, int64_t term, const struct audit_batch *b)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_int8(&a, term);
	db_arg_int8(&a, (int64_t)b->position);
	db_arg_int4(&a, (int32_t)b->n);
	db_arg_int8(&a, b->last.xid);
	db_arg_int8(&a, b->last.row_id);
	db_arg_int8(&a, b->last.at_us);
	db_arg_bytes(&a, (struct db_bytes){b->leaves, b->n * sizeof *b->leaves});
	db_arg_bytes(&a, (struct db_bytes){b->frontier->peaks,
				 merkle_peaks(b->frontier->size) * sizeof *b->frontier->peaks});
	db_query(db, &append_stmt, &a);
}

static void sign_query(struct db *db, int64_t term, const struct audit_note_signed *note)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_int8(&a, term);
	db_arg_int8(&a, (int64_t)note->size);
	db_arg_text(&a, note->note);
	db_arg_text(&a, note->key);
	db_query(db, &sign_stmt, &a);
}

enum err audit_append(struct db *db, int64_t term, const struct audit_batch *batch,
	const struct audit_note_signed *note, term_work_done *done, void *ctx)
{
	enum err e = db_begin(db, NULL, 0);

	if (e != ERR_OK)
		return e;
	if (batch != NULL)
		append_query(db, term, batch);
	if (note != NULL)
		sign_query(db, term, note);
	return term_work_commit(db, (batch != NULL) + (note != NULL), done, ctx);
}
