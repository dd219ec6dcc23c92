#include "archive.h"

#include "config/config.h"
#include "domain/audit_check.h"
#include "domain/audit_file.h"
#include "ground/durable.h"
#include "ground/log.h"
#include "ports/gz.h"
#include "stores/audit_archive.h"
#include "stores/audit_page.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAGES_A_RUN = 8, PAGE_BYTES_MAX = 4 << 20, NAME_BYTES = 96, DAY_BYTES = 16 };

struct archive {
	struct gz *gz; /* NULL: no day is under way */
	char name[NAME_BYTES], beside[NAME_BYTES + 1], day[DAY_BYTES];
	uint64_t first, size, position; /* position: of the next row */
	struct buf text;
	struct audit_check check;
	const char *log;
};

enum err archive_new(struct archive **ret_archive)
{
	struct archive *a = calloc(1, sizeof *a);

	if (!a)
		return ERR_NOMEM;
	buf_init(&a->text, PAGE_BYTES_MAX);
	audit_check_init(&a->check);
	*ret_archive = a;
	return ERR_OK;
}

void archive_free(struct archive *a)
{
	if (!a)
		return;
	gz_close(a->gz);
	audit_check_clear(&a->check);
	buf_clear(&a->text);
	free(a);
}

/* What was begun is worth nothing. */
static void drop(struct archive *a)
{
	gz_close(a->gz);
	a->gz = NULL;
	buf_reset(&a->text);
}

/* ---- what the record tells ---- */

struct archive_ask {
	struct ask ask;
	struct archive *archive;
};

static void on_due(void *ctx, enum err e, const struct audit_day *day)
{
	struct archive_ask *ask = ctx;
	struct archive *a = ask->archive;

	ask->ask.err = e;
	*a->day = '\0';
	if (e != ERR_OK || !day->day)
		return;
	a->first = day->position;
	a->size = day->size;
	(void)snprintf(a->day, sizeof a->day, "%s", day->day);
	(void)snprintf(a->name, sizeof a->name, "audit-%s-%" PRIu64 "-%" PRIu64 ".gz", a->day,
		a->first, a->size - a->first);
	(void)snprintf(a->beside, sizeof a->beside, ".%s", a->name);
}

static void on_start(void *ctx, enum err e, const struct audit_start *start)
{
	struct archive_ask *ask = ctx;
	struct archive *a = ask->archive;

	if (e == ERR_OK) {
		const struct audit_file_head head = {.log = a->log,
			.before = &start->before,
			.keys = start->keys,
			.keys_n = start->keys_n};

		a->position = start->before.size;
		e = audit_file_head(&head, &a->text);
	}
	if (e == ERR_OK)
		e = audit_file_note(start->note, &a->text);
	ask->ask.err = e;
}

static void on_page(void *ctx, enum err e, const struct audit_page *page)
{
	struct archive_ask *ask = ctx;
	struct archive *a = ask->archive;

	if (e == ERR_OK) {
		e = audit_file_page(page, &a->text);
		a->position = page->position + page->leaves_n;
	}
	ask->ask.err = e;
}

/* ---- a day ---- */

/* The checker changes what it reads, so the file is written first. */
static enum err text_write(struct archive *a)
{
	const enum err e = gz_write(a->gz, a->text.bytes, a->text.len);

	(void)audit_check_feed(&a->check, a->text.bytes, a->text.len);
	buf_reset(&a->text);
	return e;
}

static enum err begin(struct leader *leader, struct archive *a)
{
	struct archive_ask ask = {.archive = a};
	char path[DURABLE_PATH_MAX];
	enum err e;

	a->log = leader->config->audit.log;
	(void)snprintf(path, sizeof path, "%s/%s", leader->config->audit.archive_dir, a->beside);
	e = gz_create(path, true, &a->gz);
	if (e != ERR_OK) {
		log_error("an archive of the audit cannot be written", LOG_TEXT("file", path),
			LOG_TEXT("why", strerror(errno)));
		return e;
	}
	audit_check_clear(&a->check);
	audit_check_init(&a->check);
	e = leader_wait(leader, audit_start_read(leader->db, a->first, on_start, &ask), &ask.ask);
	return e == ERR_OK ? text_write(a) : e;
}

static enum err page_write(struct leader *leader, struct archive *a)
{
	struct archive_ask ask = {.archive = a};
	enum err e = leader_wait(
		leader, audit_page_read(leader->db, a->position, on_page, &ask), &ask.ask);

	return e == ERR_OK ? text_write(a) : e;
}

/* The key that the file names is the record's own: what it shows is that the record fits together.
 */
static void judge(struct archive *a)
{
	if (audit_check_end(&a->check))
		log_info("a day of the audit is archived", LOG_TEXT("file", a->name),
			LOG_INT("rows", (int64_t)(a->size - a->first)));
	else
		log_error("the record's audit is not what was signed", LOG_TEXT("file", a->name),
			LOG_INT("row", (int64_t)a->check.fault_at),
			LOG_TEXT("why", a->check.fault));
}

static enum err finish(struct leader *leader, struct archive *a)
{
	const struct audit_day day = {a->first, a->size, a->day};
	const char *folder = leader->config->audit.archive_dir;
	struct ask ask = {0};
	struct gz *gz = a->gz;
	enum err e = audit_file_end(a->position, &a->text);

	if (e == ERR_OK)
		e = text_write(a);
	if (e != ERR_OK)
		return e;
	a->gz = NULL;
	e = gz_finish(gz);
	if (e == ERR_OK)
		e = durable_rename(folder, a->beside, a->name);
	if (e == ERR_OK)
		e = leader_wait(leader,
			audit_day_archived(leader->db, leader->term, &day, ask_work, &ask), &ask);
	if (e == ERR_OK)
		judge(a);
	return e;
}

static enum err go_on(struct leader *leader, struct archive *a, bool *ret_busy)
{
	enum err e = a->gz ? ERR_OK : begin(leader, a);

	for (size_t i = 0; e == ERR_OK && i < PAGES_A_RUN && a->position < a->size; i++)
		e = page_write(leader, a);
	if (e == ERR_OK && a->position >= a->size)
		e = finish(leader, a);
	if (e != ERR_OK)
		drop(a);
	*ret_busy = e == ERR_OK;
	return e;
}

enum err archive_run(struct leader *leader, bool *ret_busy)
{
	struct archive *a = leader->archive;
	struct archive_ask ask = {.archive = a};
	enum err e = ERR_OK;

	if (!*leader->config->audit.archive_dir)
		return ERR_OK;
	if (!a->gz)
		e = leader_wait(leader, audit_day_due(leader->db, on_due, &ask), &ask.ask);
	if (e != ERR_OK || !*a->day)
		return e;
	return go_on(leader, a, ret_busy);
}
