#include "jobs/job_json.h"

#include "domain/kind.h"
#include "domain/money.h"
#include "domain/sealed.h"
#include "domain/trace.h"
#include "ground/clock.h"
#include "ground/err.h"

#include <stdio.h>
#include <string.h>

void job_json_time(struct buf *out, const char *name, int64_t unix_ms)
{
	char text[CLOCK_TEXT_MAX];

	if (unix_ms == 0) {
		(void)buf_printf(out, "\"%s\":null", name);
		return;
	}
	clock_format(unix_ms, text);
	(void)buf_printf(out, "\"%s\":\"%s\"", name, text);
}

void job_json_text(struct buf *out, const char *name, const char *text)
{
	(void)buf_printf(out, ",\"%s\":", name);
	if (text && text[0])
		(void)buf_json(out, text, strlen(text));
	else
		(void)buf_text(out, "null");
}

/* False: there is nothing, or it does not open. Without memory nobody knows, and out fails. */
static bool opened(struct buf *out, const struct sealed_box *box, struct sealed_where where,
	struct db_bytes sealed, struct sealed_view *ret_view)
{
	enum err e;

	if (!sealed.bytes)
		return false;
	e = sealed_open(box, where, sealed.bytes, sealed.len, ret_view);
	if (e == ERR_NOMEM)
		buf_fail(out, e);
	return e == ERR_OK;
}

void job_json_sealed(struct buf *out, const struct sealed_box *box, struct sealed_where where,
	struct db_bytes sealed, const char *fallback)
{
	struct sealed_view view;

	if (!opened(out, box, where, sealed, &view)) {
		(void)buf_text(out, fallback);
		return;
	}
	if (view.len)
		(void)buf_append(out, view.bytes, view.len);
	else
		(void)buf_text(out, fallback);
	sealed_view_clear(&view);
}

void job_json_sealed_text(struct buf *out, const struct sealed_box *box, struct sealed_where where,
	struct db_bytes sealed)
{
	struct sealed_view view;

	if (!opened(out, box, where, sealed, &view)) {
		(void)buf_text(out, "null");
		return;
	}
	(void)buf_json(out, view.bytes, view.len);
	sealed_view_clear(&view);
}

void job_json_timings(struct buf *out, const int32_t timings_ms[TIMINGS])
{
	static const char *const names[TIMINGS] = {
		"accept", "queue", "admit", "first_byte", "stream", "finish"};

	for (int i = 0; i < TIMINGS; i++) {
		(void)buf_printf(out, "%c\"%s\":", i ? ',' : '{', names[i]);
		if (timings_ms[i] < 0)
			(void)buf_text(out, "null");
		else
			(void)buf_printf(out, "%d", (int)timings_ms[i]);
	}
	(void)buf_char(out, '}');
}

void job_json_usage(struct buf *out, const struct job_usage *usage)
{
	char money[MONEY_TEXT_MAX];

	money_format(usage->cost_nano, money);
	(void)buf_printf(out,
		"{\"input_tokens\":%lld,\"output_tokens\":%lld,\"cost_usd\":\"%s\",\"estimated\":%s}",
		(long long)usage->input_tokens, (long long)usage->output_tokens, money,
		usage->estimated ? "true" : "false");
}

static void identity_put(struct buf *out, const struct job_row *row)
{
	char id[ID_TEXT_MAX];

	id_format("job", row->job, id);
	(void)buf_printf(out, "{\"id\":\"%s\",\"object\":\"job\",\"kind\":\"%s\",\"queue\":\"%s\"",
		id, row->kind, row->queue);
	(void)buf_printf(out,
		",\"state\":\"%s\",\"priority\":%d,\"attempt\":%d,\"max_attempts\":%d"
		",\"crashes\":%d,\"interruptions\":%d,",
		job_state_text(row->state), row->priority, row->attempt, row->max_attempts,
		row->crashes, row->interruptions);
}

static void times_put(struct buf *out, const struct job_row *row)
{
	job_json_time(out, "created_at", row->created_ms);
	(void)buf_char(out, ',');
	job_json_time(out, "run_at", row->run_at_ms);
	(void)buf_char(out, ',');
	job_json_time(out, "deadline_at", row->deadline_ms);
	(void)buf_char(out, ',');
	job_json_time(out, "started_at", row->started_ms);
	(void)buf_char(out, ',');
	job_json_time(out, "finished_at", row->finished_ms);
	(void)buf_char(out, ',');
	job_json_time(out, "due_at", row->state == JOB_WAITING ? row->due_ms : 0);
}

struct job_progress job_progress_of(const struct job_row *row)
{
	struct job_progress progress = {.percent = row->progress_percent,
		.output_tokens = row->progress_tokens > row->output_tokens ? row->progress_tokens
									   : row->output_tokens};

	(void)snprintf(progress.stage, sizeof progress.stage, "%s",
		row->progress_stage ? row->progress_stage : "");
	return progress;
}

void job_json_progress(struct buf *out, const struct job_progress *progress)
{
	(void)buf_text(out, ",\"progress\":{\"percent\":");
	if (progress->percent < 0)
		(void)buf_text(out, "null");
	else
		(void)buf_printf(out, "%d", progress->percent);
	job_json_text(out, "stage", progress->stage);
	(void)buf_printf(out, ",\"output_tokens\":%lld}", (long long)progress->output_tokens);
}

const char *job_json_error_text(enum err e)
{
	return e == ERR_FORBIDDEN ? "who handed it in was revoked, disabled or may do so no more"
				  : err_text(e);
}

/* A job that waits for a retry shows why; one that completed in the end shows none. */
static void error_put(struct buf *out, const struct job_row *row, const struct sealed_box *box)
{
	enum err e;

	if (!row->error_code || !row->error_code[0] || row->state == JOB_COMPLETED) {
		(void)buf_text(out, ",\"error\":null");
		return;
	}
	e = err_from_code(row->error_code);
	(void)buf_printf(out, ",\"error\":{\"code\":\"%s\",\"message\":\"%s\",\"retryable\":%s",
		row->error_code, job_json_error_text(e),
		err_fate(e) == FATE_RETRY ? "true" : "false");
	if (row->upstream_status)
		(void)buf_printf(out, ",\"upstream_status\":%d", row->upstream_status);
	else
		(void)buf_text(out, ",\"upstream_status\":null");
	(void)buf_text(out, ",\"upstream_message\":");
	job_json_sealed_text(out, box, (struct sealed_where){SEALED_MESSAGE, row->job, row->fence},
		row->message);
	(void)buf_char(out, '}');
}

static void trace_put(struct buf *out, const struct job_row *row, const struct sealed_box *box)
{
	const struct sealed_where where = {SEALED_TRACE, row->job, 0};
	const struct db_bytes sealed = row->trace;
	struct sealed_view view;
	struct trace trace;
	char text[TRACE_ID_MAX] = "";

	if (sealed.bytes && sealed_open(box, where, sealed.bytes, sealed.len, &view) == ERR_OK) {
		if (trace_parse(view.bytes, view.len, &trace))
			trace_id_format(&trace, text);
		sealed_view_clear(&view);
	}
	job_json_text(out, "trace_id", text);
}

/* What stands for a result that the record has not. */
static const char *result_without(const struct job_row *row)
{
	const struct kind *kind = kind_find(row->kind);
	const bool calls = !kind || kind->runner == KIND_RUNS_UPSTREAM;

	return row->state == JOB_COMPLETED && !calls ? "{}" : "null";
}

static struct sealed_where place(enum sealed_place place, const struct job_row *row)
{
	return (struct sealed_where){place, row->job, 0};
}

void job_json_open(struct buf *out, const struct job_row *row, struct keyring *ring)
{
	struct sealed_box box;

	sealed_box_open(&box, ring, row->tenant, &row->key);
	identity_put(out, row);
	times_put(out, row);
	(void)buf_text(out, ",\"result\":");
	job_json_sealed(out, &box, place(SEALED_RESULT, row), row->result, result_without(row));
	error_put(out, row, &box);
	job_json_text(out, "waiting_for", row->waiting_for);
	(void)buf_text(out, ",\"usage\":");
	job_json_usage(out, &(struct job_usage){row->input_tokens, row->output_tokens,
				    row->cost_nano, row->estimated});
	job_json_text(out, "upstream", row->upstream);
	job_json_text(out, "model", row->model);
	job_json_text(out, "fallback_model", row->fallback_model);
	(void)buf_text(out, ",\"metadata\":");
	job_json_sealed(out, &box, place(SEALED_METADATA, row), row->metadata, "{}");
	(void)buf_text(out, ",\"subject\":");
	job_json_sealed_text(out, &box, place(SEALED_SUBJECT, row), row->subject);
	trace_put(out, row, &box);
	sealed_box_close(&box);
	(void)buf_printf(out, ",\"store\":%s", row->store ? "true" : "false");
	(void)buf_text(out, ",\"timings_ms\":");
	job_json_timings(out, row->timings_ms);
}

void job_json_write(struct buf *out, const struct job_row *row, struct keyring *ring)
{
	const struct job_progress progress = job_progress_of(row);

	job_json_open(out, row, ring);
	job_json_progress(out, &progress);
	(void)buf_char(out, '}');
}

void job_etag(const struct job_row *row, char out[JOB_ETAG_MAX])
{
	(void)snprintf(out, JOB_ETAG_MAX, "\"%d-%lld\"", (int)row->state, (long long)row->version);
}

bool job_etag_matches(const char *header, const char *etag)
{
	size_t len = strlen(etag);

	if (!header)
		return false;
	while (*header) {
		header += strspn(header, " \t,");
		if (*header == '*')
			return true;
		if (strncmp(header, "W/", 2) == 0)
			header += 2;
		if (strncmp(header, etag, len) == 0 && strchr(" \t,", header[len]))
			return true;
		header += strcspn(header, ",");
	}
	return false;
}
