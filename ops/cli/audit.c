/* audit export: the audit leaves the record. */
#include "database.h"
#include "handlers.h"
#include "output.h"

#include "domain/audit_file.h"
#include "ports/gz.h"
#include "stores/audit_page.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PAGE_BYTES_MAX = 4 << 20 };

struct export
{
	const struct call *call;
	struct database database;
	const char *log;
	struct gz *gz;
	struct buf text;
	uint64_t position; /* of the next row */
	enum err err;	   /* of the last question */
};

/* ---- what the record tells ---- */

static void on_start(void *ctx, enum err e, const struct audit_start *start)
{
	struct export *x = ctx;

	if (e == ERR_OK) {
		const struct audit_file_head head = {.log = x->log,
			.before = &start->before,
			.keys = start->keys,
			.keys_n = start->keys_n};

		x->position = start->before.size;
		e = audit_file_head(&head, &x->text);
		if (e == ERR_OK)
			e = audit_file_note(start->note, &x->text);
	}
	x->err = e;
}

static void on_page(void *ctx, enum err e, const struct audit_page *page)
{
	struct export *x = ctx;

	if (e == ERR_OK) {
		e = audit_file_page(page, &x->text);
		x->position = page->position + page->leaves_n;
	}
	x->err = e;
}

/* Waits for what was begun; its outcome is the callback's. */
static enum err ask(struct export *x, enum err begun)
{
	if (begun == ERR_OK)
		begun = db_wait(x->database.db, OWNER_STATEMENT_MS);
	return begun == ERR_OK ? x->err : begun;
}

/* ---- writing ---- */

static enum err text_write(struct export *x)
{
	const enum err e = gz_write(x->gz, x->text.bytes, x->text.len);

	buf_reset(&x->text);
	return e;
}

static enum err pages_write(struct export *x)
{
	enum err e;

	do {
		e = ask(x, audit_page_read(x->database.db, x->position, on_page, x));
		if (e == ERR_OK)
			e = text_write(x);
	} while (e == ERR_OK);
	if (e != ERR_NOT_FOUND)
		return e;
	e = audit_file_end(x->position, &x->text);
	return e == ERR_OK ? text_write(x) : e;
}

static enum err file_write(struct export *x, uint64_t from)
{
	enum err e = ask(x, audit_start_read(x->database.db, from, on_start, x));

	if (e == ERR_OK)
		e = text_write(x);
	return e == ERR_OK ? pages_write(x) : e;
}

static bool ends_in(const char *text, const char *end)
{
	const size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

static enum outcome write_to(struct export *x, const char *path, uint64_t from)
{
	enum err e = gz_create(path, ends_in(path, ".gz"), &x->gz), closed;

	if (e != ERR_OK)
		return call_fail(x->call, OUTCOME_USAGE, "%s: %s", path, strerror(errno));
	e = file_write(x, from);
	closed = gz_finish(x->gz);
	if (e == ERR_SYSTEM || closed != ERR_OK)
		return call_fail(x->call, OUTCOME_FAILED, "%s: %s", path, strerror(errno));
	if (e == ERR_INTERNAL)
		return call_fail(x->call, OUTCOME_FAILED,
			"what the record calls the audit's tree is none: it was changed");
	return e == ERR_OK ? OUTCOME_OK : database_fail(x->call, &x->database, e);
}

/* An export is evidence: none is lost to a name that was used before. */
static bool would_be_lost(const struct call *call, const char *path)
{
	struct stat there;

	return !call_flag(call, "force") && stat(path, &there) == 0 && S_ISREG(there.st_mode);
}

enum outcome audit_export_run(struct call *call)
{
	const char *path = call->arguments[0];
	struct export x = {.call = call};
	enum outcome outcome;

	if (would_be_lost(call, path))
		return call_usage(call, "%s is there: name another file, or --force", path);
	outcome = database_open(call, call_text(call, "config"), &x.database);
	buf_init(&x.text, PAGE_BYTES_MAX);
	if (outcome == OUTCOME_OK) {
		x.log = x.database.config->audit.log;
		outcome = write_to(&x, path, (uint64_t)call_number(call, "from", 0));
	}
	if (outcome == OUTCOME_OK && call_flag(call, "json"))
		outcome = output_json_new(call,
			json_pack("{s:s, s:I}", "file", path, "rows", (json_int_t)x.position));
	else if (outcome == OUTCOME_OK)
		fprintf(call->out, "%s holds the audit up to row %" PRIu64 "\n", path, x.position);
	buf_clear(&x.text);
	database_close(&x.database);
	return outcome;
}
