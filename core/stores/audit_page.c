#include "stores/audit_page.h"

#include "stores/audit_columns.h"
#include "stores/store_call.h"

#include <stdlib.h>
#include <string.h>

enum { KEYS_MAX = 64 };

static const struct db_stmt start_stmt = {.name = "audit_start",
	.sql = "select c.size, coalesce(c.note, ''), b.frontier,"
	       " array_to_string(array(select name from audit_signer order by since), ' ')"
	       " from (select 1) one left join lateral (select * from audit_checkpoint"
	       "  where size <= $1 order by size desc limit 1) c on true"
	       " left join lateral (select frontier from audit_batch where position < c.size"
	       "  order by position desc limit 1) b on true",
	.reads = true};

#define BATCH                                                                                           \
	"with b as materialized (select b.*, p.xid as xid_before, p.row_id as row_before,"              \
	" case when p.xid > (select xid from audit_batch order by position limit 1)"                    \
	" then p.at end as at_before from audit_batch b left join lateral (select * from audit_batch p" \
	"  where p.position < b.position order by p.position desc limit 1) p on true"                   \
	" where b.position = $1)"
static const struct db_stmt batch_stmt = {.name = "audit_batch",
	.sql = "select b.position, b.count, b.leaves, coalesce((select note from audit_checkpoint"
	       " where size = b.position + b.count), '') from audit_batch b where b.position = $1",
	.reads = true};
static const struct db_stmt rows_stmt = {.name = "audit_rows",
	.sql = BATCH " select " AUDIT_ROW " from b cross join lateral (select * from audit a"
		     "  where (a.xid, a.row_id) > (coalesce(b.xid_before, '0'),"
		     "   coalesce(b.row_before, 0)) and (a.xid, a.row_id) <= (b.xid, b.row_id)"
		     "  and a.at > coalesce(b.at_before, '-infinity') - interval '1 day'"
		     "  order by a.xid, a.row_id) a",
	.reads = true};

/* ---- the start ---- */

/* Cuts words at their spaces. */
static size_t words_cut(char *text, const char *words[KEYS_MAX])
{
	size_t n = 0;

	for (char *rest = NULL, *word = strtok_r(text, " ", &rest); word && n < KEYS_MAX;
		word = strtok_r(NULL, " ", &rest))
		words[n++] = word;
	return n;
}

static enum err start_take(struct audit_start *start, const struct db_rows *r)
{
	const struct db_bytes peaks = db_value(r, 0, 2);

	start->before.size = (uint64_t)db_int(r, 0, 0);
	start->note = db_text(r, 0, 1);
	if (peaks.len != merkle_peaks(start->before.size) * sizeof *start->before.peaks)
		return ERR_INTERNAL;
	if (peaks.len > 0)
		memcpy(start->before.peaks, peaks.bytes, peaks.len);
	return ERR_OK;
}

static void on_start(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	const char *keys[KEYS_MAX];
	struct audit_start start = {.keys = keys};
	char *names = r ? strdup(db_text(r, 0, 3)) : NULL;

	if (e == ERR_OK)
		e = names ? start_take(&start, r) : ERR_NOMEM;
	if (e == ERR_OK)
		start.keys_n = words_cut(names, keys);
	((audit_start_done *)call->done)(call->ctx, e, e == ERR_OK ? &start : NULL);
	free(names);
	free(call);
}

enum err audit_start_read(struct db *db, uint64_t position, audit_start_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_int8(&a, (int64_t)position);
	return store_call_run(&(struct store_call_ask){.db = db,
		.stmt = &start_stmt,
		.args = &a,
		.on_done = on_start,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}

/* ---- a page ---- */

static void page_take(struct audit_page *page, const struct db_rows *batch)
{
	const struct db_bytes leaves = db_value(batch, 0, 2);

	page->position = (uint64_t)db_int(batch, 0, 0);
	page->leaves = leaves.bytes;
	page->leaves_n = leaves.len / sizeof *page->leaves;
	page->note = db_text(batch, 0, 3);
}

static void on_page(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *batch = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 1) : NULL;
	const size_t n = r ? db_rows_n(r) : 0;
	struct audit_page page = {.rows_n = n};
	struct audit_row *rows;

	if (batch && db_rows_n(batch) == 0)
		e = ERR_NOT_FOUND;
	rows = store_call_rows(&e, n, sizeof *rows);
	for (size_t i = 0; rows && i < n; i++)
		audit_row_take(&rows[i], r, i);
	if (e == ERR_OK)
		page_take(&page, batch);
	page.rows = rows;
	((audit_page_done *)call->done)(call->ctx, e, e == ERR_OK ? &page : NULL);
	free(rows);
	free(call);
}

enum err audit_page_read(struct db *db, uint64_t position, audit_page_done *done, void *ctx)
{
	const struct db_stmt *const steps[] = {&batch_stmt, &rows_stmt};
	struct store_call *call;
	enum err e = store_call_begin(db, NULL, 0, &call);

	if (e != ERR_OK)
		return e;
	call->done = (store_call_fn *)done;
	call->ctx = ctx;
	for (size_t i = 0; i < 2; i++) {
		struct db_args a;

		db_args_init(&a);
		db_arg_int8(&a, (int64_t)position);
		db_query(db, steps[i], &a);
	}
	db_commit(db, on_page, call);
	return ERR_OK;
}
