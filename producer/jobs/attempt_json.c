#include "jobs/attempt_json.h"

#include "jobs/job_json.h"

#include <string.h>

/* An attempt is named by its job and its fence. */
static void head_put(struct buf *out, struct id job, const struct attempt_row *a)
{
	struct id id = job;
	char text[ID_TEXT_MAX];

	for (int i = 0; i < 8; i++)
		id.bytes[15 - i] ^= (uint8_t)((uint64_t)a->fence >> (8 * i));
	id_format("att", id, text);
	(void)buf_printf(out, "{\"id\":\"%s\",\"number\":%d,\"fence\":%lld,\"state\":\"%s\"", text,
		a->number, (long long)a->fence, a->state[0] ? a->state : "running");
}

static void error_put(
	struct buf *out, struct id job, const struct attempt_row *a, const struct sealed_box *box)
{
	if (!a->outcome[0] || strcmp(a->outcome, "ok") == 0) {
		(void)buf_text(out, ",\"error\":null");
		return;
	}
	(void)buf_printf(out, ",\"error\":{\"code\":\"%s\",\"message\":\"%s\"", a->outcome,
		job_json_error_text(err_from_code(a->outcome)));
	(void)buf_text(out, ",\"upstream_message\":");
	job_json_sealed_text(
		out, box, (struct sealed_where){SEALED_MESSAGE, job, a->fence}, a->message);
	(void)buf_char(out, '}');
}

/* Who ran it, and whom it called. */
static void call_put(struct buf *out, const struct attempt_row *a)
{
	char worker[ID_TEXT_MAX];

	id_format("wrk", a->worker, worker);
	job_json_text(out, "worker", worker);
	job_json_text(out, "waiting_for", a->waiting_for);
	job_json_text(out, "ended_by", a->ended_by);
	job_json_text(out, "upstream", a->upstream);
	job_json_text(out, "key", a->key_label);
	job_json_text(out, "model", a->model);
	job_json_text(out, "called_model", a->called_model);
	job_json_text(out, "held_by", a->held_by);
	(void)buf_printf(out, ",\"fallback\":%s", a->fallback ? "true" : "false");
	if (a->upstream_status)
		(void)buf_printf(out, ",\"status\":%d,", a->upstream_status);
	else
		(void)buf_text(out, ",\"status\":null,");
	if (a->retry_after_ms)
		(void)buf_printf(out, "\"retry_after_ms\":%lld,", (long long)a->retry_after_ms);
}

void attempt_json_put(
	struct buf *out, struct id job, const struct attempt_row *a, const struct sealed_box *box)
{
	head_put(out, job, a);
	error_put(out, job, a, box);
	call_put(out, a);
	job_json_time(out, "started_at", a->started_ms);
	(void)buf_char(out, ',');
	job_json_time(out, "finished_at", a->ended_ms);
	(void)buf_char(out, ',');
	job_json_time(out, "since", a->since_ms);
	(void)buf_text(out, ",\"usage\":");
	job_json_usage(out,
		&(struct job_usage){a->input_tokens, a->output_tokens, a->cost_nano, a->estimated});
	(void)buf_text(out, ",\"timings_ms\":");
	job_json_timings(out, a->timings_ms);
	(void)buf_char(out, '}');
}
