#include "stores/migrate.h"
#include "ground/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIGRATE_WAIT_MS = 600000, NAME_MAX_BYTES = 100, APPLIED_MAX = 1000 };

/* Held for the session, so that it spans the files' transactions. */
static const char prepare_sql[] = "set statement_timeout = 0; set lock_timeout = 0;"
				  "select pg_advisory_lock(720713000);"
				  "set client_min_messages = warning;"
				  "create table if not exists schema_migration ("
				  " name text primary key, digest bytea not null, applied_at "
				  "timestamptz not null default now());";
static const char release_sql[] = "select pg_advisory_unlock(720713000)";

static const struct db_stmt exists_stmt = {.name = "migrate_exists",
	.sql = "select to_regclass('schema_migration') is not null",
	.reads = true};
static const struct db_stmt list_stmt = {.name = "migrate_list",
	.sql = "select name, digest from schema_migration order by name",
	.reads = true};

struct applied {
	size_t n;
	struct {
		char name[NAME_MAX_BYTES];
		uint8_t digest[DIGEST_SIZE];
	} row[APPLIED_MAX];
	bool there;
	enum err err;
};

static void on_exists(void *ctx, enum err e, const struct db_reply *reply)
{
	struct applied *a = ctx;

	a->err = e;
	a->there = e == ERR_OK && db_int(db_reply_rows(reply, 0), 0, 0) != 0;
}

static void on_list(void *ctx, enum err e, const struct db_reply *reply)
{
	struct applied *a = ctx;
	const struct db_rows *r;
	struct db_bytes digest;

	a->err = e;
	if (e != ERR_OK)
		return;
	r = db_reply_rows(reply, 0);
	for (a->n = 0; a->n < db_rows_n(r) && a->n < APPLIED_MAX; a->n++) {
		snprintf(a->row[a->n].name, NAME_MAX_BYTES, "%s", db_text(r, a->n, 0));
		digest = db_value(r, a->n, 1);
		if (digest.len == DIGEST_SIZE)
			memcpy(a->row[a->n].digest, digest.bytes, DIGEST_SIZE);
	}
}

static enum err ask(struct db *db, const struct db_stmt *stmt, db_done_fn *done, struct applied *a)
{
	enum err e = db_begin(db, NULL, 0);

	if (e != ERR_OK)
		return e;
	db_query(db, stmt, NULL);
	db_commit(db, done, a);
	e = db_wait(db, 10000);
	return e == ERR_OK ? a->err : e;
}

/* What was applied; nothing when there is no table yet. */
static enum err applied_read(struct db *db, struct applied *a)
{
	enum err e = ask(db, &exists_stmt, on_exists, a);

	if (e == ERR_OK && a->there)
		e = ask(db, &list_stmt, on_list, a);
	return e;
}

/* The position of name among the applied; a->n when it is not there. */
static size_t applied_find(const struct applied *a, const char *name)
{
	size_t i;

	for (i = 0; i < a->n && strcmp(a->row[i].name, name) != 0; i++)
		continue;
	return i;
}

static void digest_of(const struct migration *m, uint8_t out[DIGEST_SIZE])
{
	digest_sha256(m->sql, strlen(m->sql), out);
}

/* Every applied file must be one of ours, unchanged. */
static enum err compare(const struct applied *a, char fault[MIGRATE_FAULT_MAX])
{
	uint8_t digest[DIGEST_SIZE];
	const struct migration *m;
	size_t i;

	for (i = 0; i < a->n; i++) {
		for (m = migrations; m->name != NULL && strcmp(m->name, a->row[i].name) != 0; m++)
			continue;
		if (m->name == NULL) {
			snprintf(fault, MIGRATE_FAULT_MAX,
				"the database has %s, which this program does not know: use a "
				"newer one",
				a->row[i].name);
			return ERR_CONFLICT;
		}
		digest_of(m, digest);
		if (!digest_equal(digest, a->row[i].digest, sizeof(digest))) {
			snprintf(fault, MIGRATE_FAULT_MAX,
				"%s has changed since it was applied: restore it and add a new "
				"file",
				m->name);
			return ERR_CONFLICT;
		}
	}
	return ERR_OK;
}

static enum err apply(struct db *db, const struct migration *m, char fault[MIGRATE_FAULT_MAX])
{
	uint8_t digest[DIGEST_SIZE];
	char hex[DIGEST_HEX_MAX];
	struct buf sql;
	enum err e;

	digest_of(m, digest);
	digest_hex(digest, sizeof(digest), hex);
	buf_init(&sql, 16 << 20);
	(void)buf_printf(&sql,
		"begin;\n%s\n;insert into schema_migration (name, digest) values ('%s', "
		"'\\x%s');commit",
		m->sql, m->name, hex);
	e = buf_err(&sql);
	if (e == ERR_OK)
		e = db_script(db, sql.bytes, MIGRATE_WAIT_MS);
	if (e == ERR_DB_DATA) {
		snprintf(fault, MIGRATE_FAULT_MAX, "%s: %s", m->name, db_fault(db));
		if (db_script(db, "rollback", 10000) != ERR_OK)
			e = ERR_DB;
	}
	buf_clear(&sql);
	return e;
}

static enum err apply_missing(struct db *db, const struct applied *a, migrate_told *told, void *ctx,
	char fault[MIGRATE_FAULT_MAX])
{
	const struct migration *m;
	bool missing;
	enum err e;

	for (m = migrations; m->name != NULL; m++) {
		missing = applied_find(a, m->name) == a->n;
		e = missing ? apply(db, m, fault) : ERR_OK;
		if (e != ERR_OK)
			return e;
		if (told != NULL)
			told(ctx, m->name, missing);
	}
	return ERR_OK;
}

enum err migrate_run(struct db *db, migrate_told *told, void *ctx, char fault[MIGRATE_FAULT_MAX])
{
	struct applied *a = calloc(1, sizeof(*a));
	enum err e = ERR_NOMEM;

	fault[0] = '\0';
	if (a == NULL)
		return e;
	e = db_script(db, prepare_sql, MIGRATE_WAIT_MS);
	if (e == ERR_OK)
		e = applied_read(db, a);
	if (e == ERR_OK)
		e = compare(a, fault);
	if (e == ERR_OK)
		e = apply_missing(db, a, told, ctx, fault);
	if (e == ERR_OK)
		e = db_script(db, "select partition_keep(3)", MIGRATE_WAIT_MS);
	if (e != ERR_OK && fault[0] == '\0')
		snprintf(fault, MIGRATE_FAULT_MAX, "%s", db_fault(db));
	if (db_is_up(db) && db_script(db, release_sql, 10000) != ERR_OK && e == ERR_OK)
		e = ERR_DB;
	free(a);
	return e;
}

enum err migrate_check(struct db *db, migrate_told *told, void *ctx, size_t *ret_missing,
	char fault[MIGRATE_FAULT_MAX])
{
	struct applied *a = calloc(1, sizeof(*a));
	const struct migration *m;
	size_t missing = 0;
	enum err e = ERR_NOMEM;

	fault[0] = '\0';
	if (a == NULL)
		return e;
	e = applied_read(db, a);
	if (e == ERR_OK)
		e = compare(a, fault);
	for (m = migrations; e == ERR_OK && m->name != NULL; m++) {
		if (applied_find(a, m->name) != a->n)
			continue;
		missing++;
		if (told)
			told(ctx, m->name, false);
	}
	if (e == ERR_OK)
		*ret_missing = missing;
	else if (fault[0] == '\0')
		snprintf(fault, MIGRATE_FAULT_MAX, "%s", db_fault(db));
	free(a);
	return e;
}
