#include "jobs/delivery_json.h"

#include "ground/err.h"
#include "jobs/job_json.h"

#include <string.h>

static const char *state_text(const char *state)
{
	if (strcmp(state, "delivered") == 0)
		return "delivered";
	return strcmp(state, "given_up") == 0 ? "failed" : "pending";
}

/* The record has a code for each attempt, the good ones' too. */
static bool is_success(const char *code)
{
	return strcmp(code, err_code(ERR_OK)) == 0;
}

static void line_put(struct buf *out, const struct delivery_row *d, bool first)
{
	(void)buf_printf(out, "%s{", first ? "" : ",");
	job_json_time(out, "at", d->at_ms);
	if (d->status)
		(void)buf_printf(out, ",\"status\":%d", d->status);
	else
		(void)buf_text(out, ",\"status\":null");
	(void)buf_printf(out, ",\"latency_ms\":%d", (int)d->latency_ms);
	job_json_text(out, "error", is_success(d->error_code) ? NULL : d->error_code);
	job_json_text(out, "address", d->address);
	(void)buf_char(out, '}');
}

/* All but the end of its attempts. */
static void head_put(struct buf *out, const struct delivery_row *d)
{
	char id[ID_TEXT_MAX];

	id_format("dlv", d->id, id);
	(void)buf_printf(out, "{\"id\":\"%s\",\"event\":\"%s\",\"state\":\"%s\",", id, d->event,
		state_text(d->state));
	/* one under way: the record has when its worker would be given up */
	job_json_time(out, "next_at", strcmp(d->state, "sending") == 0 ? 0 : d->next_ms);
	(void)buf_text(out, ",\"attempts\":[");
}

void delivery_json_list(struct buf *out, const struct delivery_row *rows, size_t n)
{
	bool lines = false;

	(void)buf_char(out, '[');
	for (size_t i = 0; i < n; i++) {
		const struct delivery_row *d = &rows[i];

		if (i == 0 || !id_equal(d->id, rows[i - 1].id)) {
			(void)buf_text(out, i ? "]}," : "");
			head_put(out, d);
			lines = false;
		}
		if (d->attempt) {
			line_put(out, d, !lines);
			lines = true;
		}
	}
	(void)buf_text(out, n ? "]}]" : "]");
}
