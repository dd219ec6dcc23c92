#include "stores/job_columns.h"

#include "stores/store_call.h"

#include <stdlib.h>

enum {
	COL_TIMINGS = 30,
	COL_VERSION = 36,
	COL_KEY = 44,
	COL_LABELS = 46,
	COL_ANSWER = 49,
	COL_INPUT = 54
};

size_t job_level(int what)
{
	if (what & JOB_READ_INPUT)
		return 3;
	if (what & JOB_READ_ANSWER)
		return 2;
	return what & JOB_READ_LABELS ? 1 : 0;
}

static void counters_take(struct job_row *j, const struct db_rows *r, size_t i)
{
	j->priority = (int)db_int(r, i, 7);
	j->fence = db_int(r, i, 8);
	j->attempt = (int)db_int(r, i, 9);
	j->max_attempts = (int)db_int(r, i, 10);
	j->crashes = (int)db_int(r, i, 11);
	j->interruptions = (int)db_int(r, i, 12);
	j->created_ms = db_time(r, i, 13);
	j->run_at_ms = db_time(r, i, 14);
	j->deadline_ms = db_time(r, i, 15);
	j->started_ms = db_time(r, i, 16);
	j->finished_ms = db_time(r, i, 17);
	j->attempt_timeout_ms = db_int(r, i, 18);
	j->due_ms = db_time(r, i, 19);
}

static void words_take(struct job_row *j, const struct db_rows *r, size_t i)
{
	j->waiting_for = db_text(r, i, 20);
	j->error_code = db_text(r, i, 21);
	j->model = db_text(r, i, 22);
	j->upstream = db_text(r, i, 23);
	j->input_tokens = db_int(r, i, 24);
	j->output_tokens = db_int(r, i, 25);
	j->cost_nano = db_int(r, i, 26);
	j->progress_percent = (int)db_int(r, i, 27);
	j->progress_stage = db_text(r, i, 28);
	j->progress_tokens = db_int(r, i, 29);
}

static void facts_take(struct job_row *j, const struct db_rows *r, size_t i)
{
	int t;

	j->tenant = db_id(r, i, 0);
	j->job = db_id(r, i, 1);
	j->principal = db_id(r, i, 2);
	j->kind = db_text(r, i, 3);
	j->queue_id = (int32_t)db_int(r, i, 4);
	j->queue = db_text(r, i, 5);
	j->state = job_state_from_text(db_text(r, i, 6));
	counters_take(j, r, i);
	words_take(j, r, i);
	for (t = 0; t < TIMINGS; t++)
		j->timings_ms[t] = (int32_t)db_int(r, i, COL_TIMINGS + t);
	j->version = db_int(r, i, COL_VERSION);
	j->event_next = db_int(r, i, COL_VERSION + 1);
	j->store = db_int(r, i, COL_VERSION + 2) != 0;
	j->dead = db_int(r, i, COL_VERSION + 3) != 0;
	j->callback_events = (int)db_int(r, i, COL_VERSION + 4);
	j->fallback_model = db_text(r, i, COL_VERSION + 6);
	j->estimated = db_int(r, i, COL_VERSION + 7) != 0;
}

static void content_take(struct job_row *j, const struct db_rows *r, size_t i, size_t level)
{
	if (level >= 1) {
		j->key = subject_key_take(r, i, COL_KEY);
		j->subject = db_value(r, i, COL_LABELS);
		j->metadata = db_value(r, i, COL_LABELS + 1);
		j->trace = db_value(r, i, COL_LABELS + 2);
	}
	if (level >= 2) {
		j->content_bytes = (size_t)db_int(r, i, COL_ANSWER);
		j->result = db_value(r, i, COL_ANSWER + 1);
		j->message = db_value(r, i, COL_ANSWER + 2);
		j->upstream_status = (int)db_int(r, i, COL_ANSWER + 3);
		j->decision = db_id(r, i, COL_ANSWER + 4);
	}
	if (level >= 3) {
		j->input = db_value(r, i, COL_INPUT);
		j->fallback = db_value(r, i, COL_INPUT + 1);
		j->callback = db_value(r, i, COL_INPUT + 2);
	}
}

void job_rows_done(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	size_t n = r != NULL ? db_rows_n(r) : 0, i;
	struct job_row *rows = store_call_rows(&e, n, sizeof(*rows));

	for (i = 0; rows != NULL && i < n; i++) {
		facts_take(&rows[i], r, i);
		content_take(&rows[i], r, i, call->n);
	}
	((job_read_done *)call->done)(call->ctx, e, rows, rows != NULL ? n : 0);
	free(rows);
	free(call);
}

struct id job_key_tenant(const void *keys, size_t i)
{
	return ((const struct job_key *)keys)[i].tenant;
}

void job_keys_args(struct db_args *a, const struct job_key *keys, size_t n)
{
	DB_COLUMN(a, n, id, keys[i].tenant);
	DB_COLUMN(a, n, id, keys[i].job);
}

void job_span_args(struct db_args *a, const struct job_key *keys, size_t n)
{
	unsigned least = ID_CLASSES, most = 0;
	struct id low = {{0}}, high = {{0}};
	size_t i;

	for (i = 0; i < n; i++) {
		unsigned class = id_class(keys[i].job);

		least = class < least ? class : least;
		most = class > most ? class : most;
		if (i == 0 || id_compare(keys[i].job, low) < 0)
			low = keys[i].job;
		if (i == 0 || id_compare(keys[i].job, high) > 0)
			high = keys[i].job;
	}
	db_arg_int4(a, (int32_t)least);
	db_arg_int4(a, (int32_t)most);
	db_arg_id(a, low);
	db_arg_id(a, high);
}
