#include "stores/key_epoch.h"

#include "stores/audit.h"
#include "stores/store_call.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HOST_MAX = 256 };

/* A process that was silent for so long is gone. */
#define LIVE "(select * from process where seen_at > now() - interval '30 seconds')"

/* Nothing is lost with it: it is said again in a moment, and no disk is asked every two seconds. */
static const struct db_stmt lazy_stmt = {
	.name = "key_report_lazy", .sql = "select set_config('synchronous_commit', 'off', true)"};
static const struct db_stmt report_stmt = {.name = "key_report",
	.sql = "with me as (insert into process (process_id, program, host, pid, epochs)"
	       "  values ($1, $2, $3, $4, $5) on conflict (process_id) do update"
	       "  set epochs = excluded.epochs, seen_at = now())"
	       " select e.epoch, e.state, e.mark, s.sealed_at is not null from record_sealing s"
	       " left join lateral (select * from key_epoch order by epoch desc limit 64) e on true"};

#define COLUMNS                                                                           \
	"e.epoch, e.state, e.mark, e.made_at, e.active_at, e.retired_at, e.destroyed_at," \
	" (select count(*) from " LIVE " p where e.epoch = any(p.epochs)),"               \
	" (select count(*) from " LIVE " p), (select count(*) from subject_key k"         \
	" where k.epoch = e.epoch), e.escrow_until"
/* Of a statement that changes e: who works on the database itself is known by that alone. */
#define AUDITED(action)                                                            \
	", a as (insert into audit (tenant_id, actor_kind, action, reason) select" \
	" " AUDIT_SYSTEM_SQL ", 'cli', '" action "', 'epoch_' || epoch from e)"
static const struct db_stmt list_stmt = {.name = "key_epoch_list",
	.sql = "select " COLUMNS " from key_epoch e order by e.epoch",
	.reads = true};
static const struct db_stmt add_stmt = {.name = "key_epoch_add",
	.sql = "with e as (insert into key_epoch (epoch, mark, state, active_at)"
	       "  select $1, $2, case when f.first then 'active' else 'made' end,"
	       "   case when f.first then now() end from (select not exists (select from key_epoch"
	       "    where state = 'active') as first) f on conflict do nothing returning *)" AUDITED(
		       "epoch.make") " select " COLUMNS " from e"};
static const struct db_stmt retire_stmt = {.name = "key_epoch_retire",
	.sql = "update key_epoch set state = 'retired', retired_at = now() where state = 'active'"
	       " and exists (select from key_epoch e where e.epoch = $1 and e.state = 'made')"
	       " and not exists (select from " LIVE " p where $1 <> all(p.epochs))"};
static const struct db_stmt activate_stmt = {.name = "key_epoch_activate",
	.sql = "with e as (update key_epoch e set state = 'active', active_at = now()"
	       "  where e.epoch = $1 and e.state = 'made'"
	       "  and not exists (select from " LIVE
	       "   p where $1 <> all(p.epochs)) returning *)" AUDITED(
		       "epoch.activate") " select " COLUMNS " from e"};
static const struct db_stmt destroy_stmt = {.name = "key_epoch_destroy",
	.sql = "with e as (update key_epoch e set state = 'destroyed', destroyed_at = now()"
	       "  where e.epoch = $1 and (e.state = 'made' or e.state = 'retired'"
	       "   and e.retired_at <= now() - make_interval(secs => $2))"
	       "  and not exists (select from subject_key k where k.epoch = $1) returning *)" AUDITED(
		       "epoch.destroy") " select " COLUMNS " from e"};
static const struct db_stmt lacking_stmt = {.name = "key_epoch_lacking",
	.sql = "select p.program, p.host, p.pid from " LIVE " p where $1 <> all(p.epochs)"
	       " order by 1, 2, 3 limit " SQL_NUMBER(KEY_LACKING_MAX),
	.reads = true};
static const struct db_stmt escrow_stmt = {.name = "key_epoch_escrow",
	.sql = "with e as (update key_epoch e set escrow_until = make_interval(weeks => $2)"
	       "  + case when e.state = 'retired' then e.retired_at else"
	       "   greatest(coalesce(e.active_at, e.made_at + interval '1 week')"
	       "    + interval '1 week', now()) end"
	       "  where e.epoch = $1 and e.state <> 'destroyed' returning *)" AUDITED(
		       "epoch.escrow") " select " COLUMNS " from e"};

/* ---- every process ---- */

struct report {
	key_report_done *done;
	void *ctx;
	struct keyring *ring;
};

static bool is_held(const struct report *report, int32_t epoch, struct db_bytes mark)
{
	uint8_t own[KEYRING_MARK];

	return keyring_mark(report->ring, epoch, own) && mark.len == sizeof(own) &&
	       memcmp(own, mark.bytes, sizeof(own)) == 0;
}

static void epoch_learn(
	const struct report *report, const struct db_rows *r, size_t row, struct key_state *state)
{
	const int32_t epoch = (int32_t)db_int(r, row, 0);
	const char *word = db_text(r, row, 1);
	bool held;

	if (strcmp(word, "destroyed") == 0) {
		state->left += keyring_has(report->ring, epoch);
		keyring_drop(report->ring, epoch);
		return;
	}
	held = is_held(report, epoch, db_value(r, row, 2));
	state->missing += !held && strcmp(word, "made") != 0;
	if (held && !keyring_lies(report->ring, epoch))
		state->gone = epoch;
	if (strcmp(word, "active") != 0)
		return;
	state->active = epoch;
	state->holds_active = held;
	state->other_active = !held && keyring_has(report->ring, epoch);
}

static void on_report(void *ctx, enum err e, const struct db_reply *reply)
{
	struct report *report = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 1) : NULL;
	struct key_state state = {0};

	for (size_t i = 0; r != NULL && i < db_rows_n(r); i++)
		if (!db_null(r, i, 0))
			epoch_learn(report, r, i, &state);
	if (r != NULL && db_rows_n(r) > 0) {
		keyring_activate(report->ring, state.holds_active ? state.active : 0);
		keyring_refuse_clear(report->ring, db_int(r, 0, 3) != 0);
		keyring_judge(report->ring, &state);
	}
	report->done(report->ctx, e, &state);
	free(report);
}

/* Those that it would hold after a restart as well. */
static size_t epochs_lying(struct keyring *ring, int32_t epochs[KEYRING_MAX])
{
	const size_t held = keyring_list(ring, epochs);
	size_t n = 0;

	for (size_t i = 0; i < held; i++)
		if (keyring_lies(ring, epochs[i]))
			epochs[n++] = epochs[i];
	return n;
}

static void report_args(struct db_args *a, const struct key_holder *self, struct keyring *ring)
{
	int32_t epochs[KEYRING_MAX];
	const size_t n = epochs_lying(ring, epochs);
	char host[HOST_MAX] = "";

	(void)gethostname(host, sizeof(host) - 1);
	db_args_init(a);
	db_arg_id(a, self->id);
	db_arg_text(a, self->program);
	db_arg_text(a, host);
	db_arg_int4(a, (int32_t)getpid());
	DB_COLUMN(a, n, int4, epochs[i]);
}

enum err key_epoch_report(struct db *db, const struct key_holder *self, struct keyring *ring,
	key_report_done *done, void *ctx)
{
	struct report *report = malloc(sizeof(*report));
	enum err e = report == NULL ? ERR_NOMEM : db_begin(db, NULL, 0);
	struct db_args a;

	if (e != ERR_OK) {
		free(report);
		return e;
	}
	*report = (struct report){done, ctx, ring};
	db_query(db, &lazy_stmt, NULL);
	report_args(&a, self, ring);
	db_query(db, &report_stmt, &a);
	db_commit(db, on_report, report);
	return ERR_OK;
}

/* ---- the command line ---- */

static void epoch_take(struct key_epoch *epoch, const struct db_rows *r, size_t i)
{
	const struct db_bytes mark = db_value(r, i, 2);

	*epoch = (struct key_epoch){
		.epoch = (int32_t)db_int(r, i, 0),
		.state = db_text(r, i, 1),
		.made_ms = db_time(r, i, 3),
		.active_ms = db_time(r, i, 4),
		.retired_ms = db_time(r, i, 5),
		.destroyed_ms = db_time(r, i, 6),
		.holders = db_int(r, i, 7),
		.processes = db_int(r, i, 8),
		.keys = db_int(r, i, 9),
		.escrow_until_ms = db_time(r, i, 10),
	};
	if (mark.len == sizeof(epoch->mark))
		memcpy(epoch->mark, mark.bytes, mark.len);
}

static void tell(struct store_call *call, enum err e, const struct db_rows *r, enum err when_none)
{
	const size_t n = r != NULL ? db_rows_n(r) : 0;
	struct key_epoch *rows;

	if (e == ERR_OK && n == 0)
		e = when_none;
	rows = store_call_rows(&e, n, sizeof(*rows));
	for (size_t i = 0; rows != NULL && i < n; i++)
		epoch_take(&rows[i], r, i);
	((key_epoch_done *)call->done)(call->ctx, e, rows, rows != NULL ? n : 0);
	free(rows);
	free(call);
}

static void on_list(void *ctx, enum err e, const struct db_reply *reply)
{
	tell(ctx, e, e == ERR_OK ? db_reply_rows(reply, 0) : NULL, ERR_OK);
}

static void on_change(void *ctx, enum err e, const struct db_reply *reply)
{
	tell(ctx, e, e == ERR_OK ? db_reply_rows(reply, 0) : NULL, ERR_CONFLICT);
}

static void on_activate(void *ctx, enum err e, const struct db_reply *reply)
{
	tell(ctx, e, e == ERR_OK ? db_reply_rows(reply, 1) : NULL, ERR_CONFLICT);
}

static enum err change_run(struct db *db, const struct db_stmt *stmt, struct db_args *a,
	key_epoch_done *done, void *ctx)
{
	return store_call_run(&(struct store_call_ask){.db = db,
		.stmt = stmt,
		.args = a,
		.on_done = on_change,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}

enum err key_epoch_list(struct db *db, key_epoch_done *done, void *ctx)
{
	return store_call_run(&(struct store_call_ask){.db = db,
		.stmt = &list_stmt,
		.on_done = on_list,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}

enum err key_epoch_add(struct db *db, int32_t epoch, const uint8_t mark[KEYRING_MARK],
	key_epoch_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_int4(&a, epoch);
	db_arg_bytes(&a, (struct db_bytes){mark, KEYRING_MARK});
	return change_run(db, &add_stmt, &a, done, ctx);
}

static void epoch_query(struct db *db, const struct db_stmt *stmt, int32_t epoch)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_int4(&a, epoch);
	db_query(db, stmt, &a);
}

enum err key_epoch_activate(struct db *db, int32_t epoch, key_epoch_done *done, void *ctx)
{
	struct store_call *call;
	enum err e = store_call_begin(db, NULL, 0, &call);

	if (e != ERR_OK)
		return e;
	*call = (struct store_call){.done = (store_call_fn *)done, .ctx = ctx, .db = db};
	epoch_query(db, &retire_stmt, epoch);
	epoch_query(db, &activate_stmt, epoch);
	db_commit(db, on_activate, call);
	return ERR_OK;
}

enum err key_epoch_destroy(
	struct db *db, int32_t epoch, int64_t least_s, key_epoch_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_int4(&a, epoch);
	db_arg_int8(&a, least_s);
	return change_run(db, &destroy_stmt, &a, done, ctx);
}

enum err key_epoch_escrow(
	struct db *db, int32_t epoch, int64_t weeks, key_epoch_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_int4(&a, epoch);
	db_arg_int4(&a, (int32_t)weeks);
	return change_run(db, &escrow_stmt, &a, done, ctx);
}

static void on_lacking(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	const size_t n = r != NULL ? db_rows_n(r) : 0;
	struct key_lacking *rows = store_call_rows(&e, n, sizeof(*rows));

	for (size_t i = 0; rows != NULL && i < n; i++)
		rows[i] = (struct key_lacking){db_text(r, i, 0), db_text(r, i, 1), db_int(r, i, 2)};
	((key_lacking_done *)call->done)(call->ctx, e, rows, rows != NULL ? n : 0);
	free(rows);
	free(call);
}

enum err key_epoch_lacking(struct db *db, int32_t epoch, key_lacking_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_int4(&a, epoch);
	return store_call_run(&(struct store_call_ask){.db = db,
		.stmt = &lacking_stmt,
		.args = &a,
		.on_done = on_lacking,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}
