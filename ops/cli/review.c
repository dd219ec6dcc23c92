/* Histories of the record, and jobs that wait for a word since one ended: on the database itself,
 * for who restores it or fails over has that. */
#include "database.h"
#include "handlers.h"
#include "output.h"

#include "ground/clock.h"
#include "stores/job_change.h"
#include "stores/review.h"

#include <stdlib.h>
#include <string.h>

/* Opens, runs, closes. */
typedef enum outcome review_fn(const struct call *call, struct database *database);

static enum outcome with_record(const struct call *call, review_fn *run)
{
	struct database database;
	enum outcome outcome = database_open(call, call_text(call, "config"), &database);

	if (outcome == OUTCOME_OK)
		outcome = run(call, &database);
	database_close(&database);
	return outcome;
}

static enum err waited(struct database *database, enum err begun, const enum err *told)
{
	enum err e = begun;

	if (e == ERR_OK)
		e = db_wait(database->db, DATABASE_WAIT_MS);
	return e == ERR_OK ? *told : e;
}

static const char *time_text(int64_t ms, char text[CLOCK_TEXT_MAX])
{
	text[0] = '\0';
	if (ms)
		clock_format(ms, text);
	return text;
}

static json_t *time_json(int64_t ms)
{
	char text[CLOCK_TEXT_MAX];

	return ms ? json_string(time_text(ms, text)) : json_null();
}

/* ---- histories ---- */

struct histories {
	const struct call *call;
	enum err err;
	enum outcome outcome;
};

static json_t *history_json(const struct history *h)
{
	char system[24];

	(void)snprintf(system, sizeof system, "%llu", (unsigned long long)h->system_identifier);
	return json_pack("{s:o, s:o, s:s, s:I, s:I, s:b, s:I}", "began_at", time_json(h->made_ms),
		"before_ends_at", time_json(h->before_ends_ms), "system", system, "timeline",
		(json_int_t)h->timeline, "held", (json_int_t)h->held, "reviewed", (int)h->reviewed,
		"in_review", (json_int_t)h->waits);
}

static void histories_table(struct histories *out, const struct history *rows, size_t n)
{
	static const char *const names[] = {
		"BEGAN", "THE ONE BEFORE ENDS", "TIMELINE", "RAN THEN", "WHAT RAN", NULL};
	char text[CLOCK_TEXT_MAX];
	struct table t;

	table_init(&t, names);
	for (size_t i = 0; i < n; i++) {
		table_cell(&t, time_text(rows[i].made_ms, text));
		table_cell(&t, time_text(rows[i].before_ends_ms, text));
		table_number(&t, rows[i].timeline);
		table_number(&t, rows[i].held);
		table_cell(&t, i + 1 == n ? NULL : rows[i].reviewed ? "review" : "ran again");
	}
	out->outcome = table_print(out->call, &t);
	table_clear(&t);
	if (n > 0 && rows[0].waits > 0)
		fprintf(out->call->out,
			"%lld jobs wait for `longhaul review release` or `cancel`\n",
			(long long)rows[0].waits);
}

static void on_histories(void *ctx, enum err e, const struct history *rows, size_t n)
{
	struct histories *out = ctx;
	json_t *list;

	out->err = e;
	if (e != ERR_OK)
		return;
	if (!call_flag(out->call, "json")) {
		histories_table(out, rows, n);
		return;
	}
	list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, history_json(&rows[i]));
	out->outcome =
		output_json_new(out->call, json_pack("{s:s, s:o}", "object", "list", "data", list));
}

static enum outcome histories(const struct call *call, struct database *database)
{
	struct histories out = {.call = call, .err = ERR_DB};
	enum err e = waited(database, history_list(database->db, on_histories, &out), &out.err);

	return e == ERR_OK ? out.outcome : database_fail(call, database, e);
}

enum outcome history_list_run(struct call *call)
{
	return with_record(call, histories);
}

/* ---- pages of what waits ---- */

struct page {
	enum err err;
	struct job_key keys[REVIEW_PAGE];
	size_t n;
	/* where it is shown: one of them */
	json_t *list;
	struct table *table;
};

static void row_show(struct page *page, const struct review *r)
{
	char job[ID_TEXT_MAX], text[CLOCK_TEXT_MAX];

	id_format("job", r->key.job, job);
	if (page->list)
		json_array_append_new(page->list,
			json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "id", job, "tenant",
				r->tenant, "queue", r->queue, "kind", r->kind, "model", r->model,
				"created_at", time_json(r->created_ms), "deadline_at",
				time_json(r->deadline_ms)));
	if (!page->table)
		return;
	table_cell(page->table, job);
	table_cell(page->table, r->tenant);
	table_cell(page->table, r->queue);
	table_cell(page->table, r->kind);
	table_cell(page->table, r->model);
	table_cell(page->table, time_text(r->created_ms, text));
	table_cell(page->table, time_text(r->deadline_ms, text));
}

static void on_page(void *ctx, enum err e, const struct review *rows, size_t n)
{
	struct page *page = ctx;

	page->err = e;
	page->n = n;
	for (size_t i = 0; i < n; i++) {
		page->keys[i] = rows[i].key;
		row_show(page, &rows[i]);
	}
}

struct wanted {
	struct id *jobs; /* none: all */
	size_t n;
};

static enum err page_read(struct database *database, const struct wanted *w, struct page *page)
{
	const struct job_key after = page->n ? page->keys[page->n - 1] : (struct job_key){0};

	page->err = ERR_DB;
	return waited(database, review_list(database->db, after, w->jobs, w->n, on_page, page),
		&page->err);
}

/* ---- list ---- */

static enum outcome list(const struct call *call, struct database *database)
{
	static const char *const names[] = {
		"JOB", "TENANT", "QUEUE", "KIND", "MODEL", "CREATED", "DEADLINE", NULL};
	const struct wanted all = {0};
	struct page page = {.err = ERR_DB};
	struct table t;
	enum outcome outcome;
	enum err e;

	table_init(&t, names);
	if (call_flag(call, "json"))
		page.list = json_array();
	else
		page.table = &t;
	do
		e = page_read(database, &all, &page);
	while (e == ERR_OK && page.n == REVIEW_PAGE);
	if (e != ERR_OK)
		outcome = database_fail(call, database, e);
	else if (page.list)
		outcome = output_json_new(
			call, json_pack("{s:s, s:O}", "object", "list", "data", page.list));
	else
		outcome = table_print(call, &t);
	json_decref(page.list);
	table_clear(&t);
	return outcome;
}

enum outcome review_list_run(struct call *call)
{
	return with_record(call, list);
}

/* ---- release, cancel ---- */

struct changed {
	enum err err;
	size_t n;
};

static void on_release(void *ctx, enum err e, size_t n)
{
	*(struct changed *)ctx = (struct changed){e, n};
}

static void on_cancel(void *ctx, enum err e, const struct job_changed *jobs, size_t n)
{
	struct changed *changed = ctx;

	*changed = (struct changed){.err = e};
	for (size_t i = 0; i < n; i++)
		changed->n += jobs[i].changed;
}

static enum err page_release(struct database *database, const struct page *page, struct changed *c)
{
	const struct audit_actor by = {.kind = "cli"};

	return review_release(database->db, page->keys, page->n, &by, on_release, c);
}

static enum err page_cancel(struct database *database, const struct page *page, struct changed *c)
{
	const struct audit_actor by = {.kind = "cli"};

	return job_cancel_many(database->db, page->keys, page->n, &by, on_cancel, c);
}

typedef enum err page_fn(struct database *database, const struct page *page, struct changed *c);

static enum err change_all(
	struct database *database, const struct wanted *w, page_fn *change, size_t *ret_n)
{
	struct page page = {.err = ERR_DB};
	enum err e;

	do {
		struct changed changed = {.err = ERR_DB};

		e = page_read(database, w, &page);
		if (e == ERR_OK && page.n > 0)
			e = waited(database, change(database, &page, &changed), &changed.err);
		*ret_n += changed.n;
	} while (e == ERR_OK && page.n == REVIEW_PAGE);
	return e;
}

static enum outcome wanted_read(const struct call *call, struct wanted *w)
{
	if ((call->n > 0) == call_flag(call, "all"))
		return call_usage(call, "name jobs, or say --all");
	w->jobs = calloc(call->n + 1, sizeof *w->jobs);
	if (!w->jobs)
		return call_fail(call, OUTCOME_FAILED, "out of memory");
	for (; w->n < call->n; w->n++)
		if (!id_parse("job", call->arguments[w->n], &w->jobs[w->n]))
			return call_usage(call, "%s is not a job's id", call->arguments[w->n]);
	return OUTCOME_OK;
}

static enum outcome changed_show(
	const struct call *call, const struct wanted *w, const char *word, size_t n)
{
	enum outcome outcome = OUTCOME_OK;

	if (call_flag(call, "json"))
		outcome = output_json_new(call, json_pack("{s:I}", word, (json_int_t)n));
	else
		fprintf(call->out, "%zu jobs are %s\n", n, word);
	if (outcome == OUTCOME_OK && n < w->n)
		return call_fail(call, OUTCOME_CONFLICT,
			"%zu of the jobs named do not wait for a review", w->n - n);
	return outcome;
}

static enum outcome change(
	const struct call *call, struct database *database, page_fn *run, const char *word)
{
	struct wanted w = {0};
	size_t n = 0;
	enum outcome outcome = wanted_read(call, &w);
	enum err e = ERR_OK;

	if (outcome == OUTCOME_OK) {
		e = change_all(database, &w, run, &n);
		outcome = e == ERR_OK ? changed_show(call, &w, word, n)
				      : database_fail(call, database, e);
	}
	free(w.jobs);
	return outcome;
}

static enum outcome release(const struct call *call, struct database *database)
{
	return change(call, database, page_release, "released");
}

static enum outcome cancel(const struct call *call, struct database *database)
{
	return change(call, database, page_cancel, "cancelled");
}

enum outcome review_release_run(struct call *call)
{
	return with_record(call, release);
}

enum outcome review_cancel_run(struct call *call)
{
	return with_record(call, cancel);
}
