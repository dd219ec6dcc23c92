#include "jobs/event_json.h"

#include "domain/sealed.h"
#include "ground/clock.h"
#include "jobs/job_json.h"

#include <stdio.h>
#include <string.h>

enum { DATA_MAX = 32 << 20 };

/* One page's telling. */
struct telling {
	struct sealed_box box;
	struct id job;
	int64_t after;
	event_json_fn *fn;
	void *owner;
};

void event_json_delta(struct buf *out, const char *text, size_t len)
{
	(void)buf_text(out, "{\"text\":");
	(void)buf_json(out, text, len);
	(void)buf_char(out, '}');
}

static uint32_t length_at(struct db_bytes lengths, int32_t i)
{
	const uint8_t *p = (const uint8_t *)lengths.bytes + 4 * (size_t)i;

	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* One value holds the texts of all; without it they are empty. */
static enum err deltas_each(const struct telling *t, const struct event_run *run)
{
	const struct sealed_where where = {SEALED_EVENT, t->job, run->seq_from};
	struct sealed_view view = {0};
	struct buf data;
	size_t at = 0;
	bool has = run->text.bytes && run->lengths.len == 4 * (size_t)run->count;
	enum err e =
		has ? sealed_open(&t->box, where, run->text.bytes, run->text.len, &view) : ERR_OK;

	buf_init(&data, DATA_MAX);
	for (int32_t i = 0; !e && i < run->count; i++) {
		size_t len = has ? length_at(run->lengths, i) : 0;

		if (at + len > view.len) {
			e = ERR_DB_DATA;
			break;
		}
		buf_reset(&data);
		event_json_delta(&data, view.bytes + at, len);
		e = buf_err(&data);
		if (!e && run->seq_from + i > t->after)
			t->fn(t->owner, run->seq_from + i, "job.delta", data.bytes, data.len);
		at += len;
	}
	buf_clear(&data);
	sealed_view_clear(&view);
	return e;
}

static void facts_put(struct buf *out, const struct event_run *run)
{
	(void)buf_char(out, '{');
	job_json_time(out, "at", run->at_ms);
	if (run->attempt)
		(void)buf_printf(out, ",\"attempt\":%d", run->attempt);
	if (run->kind == EVENT_WAITING)
		job_json_text(out, "waiting_for", run->detail);
	if (run->kind == EVENT_FAILED && run->detail && run->detail[0])
		(void)buf_printf(out, ",\"error\":{\"code\":\"%s\",\"message\":\"%s\"}",
			run->detail, job_json_error_text(err_from_code(run->detail)));
	(void)buf_char(out, '}');
}

static enum err run_each(const struct telling *t, const struct event_run *run)
{
	const struct sealed_where where = {SEALED_EVENT, t->job, run->seq_from};
	struct buf data;
	enum err e;

	if (run->kind == EVENT_DELTA)
		return deltas_each(t, run);
	if (run->seq_from <= t->after)
		return ERR_OK;
	buf_init(&data, DATA_MAX);
	if (run->kind == EVENT_PROGRESS && run->text.bytes)
		job_json_sealed(&data, &t->box, where, run->text, "{}");
	else
		facts_put(&data, run);
	e = buf_err(&data);
	if (!e)
		t->fn(t->owner, run->seq_from, event_kind_text(run->kind), data.bytes, data.len);
	buf_clear(&data);
	return e;
}

enum err event_json_page(const struct event_page *page, struct keyring *ring, int64_t after,
	event_json_fn *fn, void *owner)
{
	struct telling t = {.job = page->job, .after = after, .fn = fn, .owner = owner};
	enum err e = ERR_OK;

	sealed_box_open(&t.box, ring, page->tenant, &page->key);
	for (size_t i = 0; !e && i < page->n; i++)
		e = run_each(&t, &page->runs[i]);
	sealed_box_close(&t.box);
	return e;
}
