#include "jobs/usage_call.h"

#include "ground/clock.h"
#include "jobs/job_json.h"
#include "list_reply.h"
#include "record_call.h"
#include "request_input.h"
#include "stores/usage_day.h"

#include <string.h>

enum { DAY_LEN = 10, DAYS_USUAL = 30, BY_MAX = 64, MS_A_DAY = 86400000 };

struct usage_work {
	struct record_call call; /* first */
	struct usage_ask ask;
	char first[CLOCK_TEXT_MAX], beyond[CLOCK_TEXT_MAX];
};

static const struct {
	const char *name;
	enum usage_by bit;
} groups[] = {{"day", USAGE_BY_DAY}, {"queue", USAGE_BY_QUEUE}, {"upstream", USAGE_BY_UPSTREAM},
	{"model", USAGE_BY_MODEL}, {"tenant", USAGE_BY_TENANT}};

/* ---- the reply ---- */

static void group_put(
	struct buf *out, int by, enum usage_by bit, const char *name, const char *text)
{
	if (by & bit)
		job_json_text(out, name, text);
}

static void row_put(struct buf *out, int by, const struct usage_row *row)
{
	(void)buf_text(out, "{\"object\":\"usage\"");
	group_put(out, by, USAGE_BY_DAY, "day", row->day);
	group_put(out, by, USAGE_BY_TENANT, "tenant", row->tenant);
	group_put(out, by, USAGE_BY_QUEUE, "queue", row->queue);
	group_put(out, by, USAGE_BY_UPSTREAM, "upstream", row->upstream);
	group_put(out, by, USAGE_BY_MODEL, "model", row->model);
	(void)buf_printf(out, ",\"attempts\":%lld,\"estimated_attempts\":%lld,\"usage\":",
		(long long)row->attempts, (long long)row->estimated);
	job_json_usage(out, &(struct job_usage){row->input_tokens, row->output_tokens,
				    row->cost_nano, row->estimated > 0});
	(void)buf_char(out, '}');
}

static void usage_told(void *ctx, enum err e, const struct usage_row *rows, size_t n)
{
	struct record_batch *batch = ctx;
	const struct usage_work *w = (struct usage_work *)(void *)record_call_of(batch);
	struct list_reply list = list_reply_begin(&w->call.r->reply);
	const size_t shown = n < USAGE_DAY_MAX ? n : USAGE_DAY_MAX;

	for (size_t i = 0; !e && i < shown; i++)
		row_put(list_reply_element(&list), w->ask.by, &rows[i]);
	list_reply_end(&list, n > shown, NULL);
	record_batch_end(batch, e);
}

static enum err usage_run(struct db *db, struct record_batch *batch)
{
	const struct usage_work *w = (struct usage_work *)(void *)record_call_of(batch);

	return usage_day_read(db, &w->ask, usage_told, batch);
}

const struct record_op usage_op = {"usage", RECORD_SLOW, 1, usage_run, NULL};

/* ---- the question ---- */

/* A day as given, or the one that lies so many days from today. */
static bool day_read(const char *given, int64_t from_today, char day[CLOCK_TEXT_MAX])
{
	char moment[CLOCK_TEXT_MAX];
	int64_t at_ms = clock_record_ms() + from_today * MS_A_DAY;

	if (given) {
		(void)snprintf(moment, sizeof moment, "%.10sT00:00:00Z", given);
		if (strlen(given) != DAY_LEN || clock_parse(moment, &at_ms) != 0)
			return false;
	}
	clock_format(at_ms, day);
	day[DAY_LEN] = '\0';
	return true;
}

static int group_bit(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
		if (strlen(groups[i].name) == len && memcmp(groups[i].name, name, len) == 0)
			return (int)groups[i].bit;
	return 0;
}

/* 0: something in it is no name. */
static int by_read(const char *by)
{
	int bits = 0;

	for (;;) {
		const size_t len = strcspn(by, ",");
		const int bit = group_bit(by, len);

		if (!bit)
			return 0;
		bits |= bit;
		if (!by[len])
			return bits;
		by += len + 1;
	}
}

static enum err ask_read(
	struct usage_work *w, const struct request *r, bool all, struct problems *p)
{
	const char *by = query_text(&r->query, "by");

	w->ask.by = by_read(by ? by : "day");
	if (!w->ask.by || (!all && w->ask.by & USAGE_BY_TENANT))
		problems_add(p, "?by", "must be names out of day, queue, upstream, model%s",
			all ? ", tenant" : "");
	if (!day_read(query_text(&r->query, "from"), -DAYS_USUAL, w->first))
		problems_add(p, "?from", "must be a day such as 2026-01-31");
	if (!day_read(query_text(&r->query, "until"), 1, w->beyond))
		problems_add(p, "?until", "must be a day such as 2026-01-31");
	w->ask.first = w->first;
	w->ask.beyond = w->beyond;
	return p->total ? ERR_INVALID_FIELD : ERR_OK;
}

static void usage_begin(struct request *r, bool all)
{
	static const struct query_field fields[] = {{"from", QUERY_TEXT, 1, DAY_LEN},
		{"until", QUERY_TEXT, 1, DAY_LEN}, {"by", QUERY_TEXT, 1, BY_MAX},
		{NULL, QUERY_TEXT, 0, 0}};
	struct problems p = {0};
	struct usage_work *w;
	enum err e;

	if (!request_input_query(r, fields))
		return;
	w = record_call_new(r, sizeof *w);
	if (!w)
		return;
	if (!all)
		w->ask.tenant = r->caller.tenant;
	e = ask_read(w, r, all, &p);
	if (e)
		request_fail_with(r, e, &p);
	else
		record_call_start(&w->call, &usage_op);
}

void usage_call(struct request *r)
{
	usage_begin(r, false);
}

void usage_all_call(struct request *r)
{
	usage_begin(r, true);
}
