/* The story of one job: what happened when, and where its time went. */
#include "duration.h"
#include "handlers.h"
#include "job.h"
#include "listing.h"
#include "output.h"

#include "ground/clock.h"

#include <string.h>

enum { BAR = 30, LINE_MAX_BYTES = 4096 };

/* The stages of timings_ms in the order in which a job meets them. */
static const struct {
	const char *member, *text;
} stages[] = {
	{"accept", "accepted and committed"},
	{"queue", "waited in the queue"},
	{"admit", "waited for the upstream's leave"},
	{"first_byte", "waited for the model's first byte"},
	{"stream", "received the answer"},
	{"finish", "result committed"},
};

enum { STAGES = sizeof(stages) / sizeof(stages[0]) };

static double stage_ms(const json_t *job, size_t i)
{
	return json_number_value(
		json_object_get(json_object_get(job, "timings_ms"), stages[i].member));
}

static void print_share(const struct call *call, const char *what, double ms, double total_ms)
{
	double share = total_ms > 0 ? ms / total_ms : 0;
	char text[DURATION_TEXT_MAX], bar[BAR + 1];
	size_t n = (size_t)(share * BAR + 0.5);

	duration_format((int64_t)(ms + 0.5), text);
	memset(bar, '#', n);
	bar[n] = '\0';
	fprintf(call->out, "  %-34s %10s %5.1f %%%s%s\n", what, text, share * 100,
		n > 0 ? "  " : "", bar);
}

/* From the submit to the end, 0 while there is none. */
static double life_ms(const json_t *job)
{
	const char *from = json_string_value(json_object_get(job, "created_at"));
	const char *to = json_string_value(json_object_get(job, "finished_at"));
	int64_t from_ms, to_ms;

	if (!from || !to || clock_parse(from, &from_ms) != 0 || clock_parse(to, &to_ms) != 0)
		return 0;
	return to_ms > from_ms ? (double)(to_ms - from_ms) : 0;
}

/* The stages are the last attempt's; what the job's life had besides were earlier ones. */
static void print_shares(const struct call *call, const json_t *job)
{
	char text[DURATION_TEXT_MAX];
	double sum_ms = 0, total_ms;

	if (!json_is_object(json_object_get(job, "timings_ms")))
		return;
	for (size_t i = 0; i < STAGES; i++)
		sum_ms += stage_ms(job, i);
	total_ms = life_ms(job) > sum_ms ? life_ms(job) : sum_ms;
	duration_format((int64_t)(total_ms + 0.5), text);
	fprintf(call->out, "\nwhere %s went:\n", text);
	if (json_integer_value(json_object_get(job, "attempt")) > 1)
		print_share(call, "earlier attempts and pauses", total_ms - sum_ms, total_ms);
	else
		total_ms = sum_ms;
	for (size_t i = 0; i < STAGES; i++)
		print_share(call, stages[i].text, stage_ms(job, i), total_ms);
}

/* Appends ", label value" when the member says something, which a zero does not. */
static void put_fact(struct buf *line, const json_t *object, const char *label, const char *member)
{
	struct buf value;

	buf_init(&value, LINE_MAX_BYTES);
	listing_text(object, member, &value);
	if (value.len > 0 && strcmp(value.bytes, "0") != 0)
		buf_printf(line, ", %s%s", label, value.bytes);
	buf_clear(&value);
}

static void put_span(struct buf *line, const json_t *from, const json_t *to)
{
	char text[DURATION_TEXT_MAX];
	int64_t from_ms, to_ms;

	if (!json_is_string(from) || !json_is_string(to) ||
		clock_parse(json_string_value(from), &from_ms) != 0 ||
		clock_parse(json_string_value(to), &to_ms) != 0)
		return;
	duration_format(to_ms - from_ms, text);
	buf_printf(line, ", took %s", text);
}

static void print_line(const struct call *call, struct buf *line)
{
	buf_char(line, '\n');
	if (line->bytes)
		output_text(call->out, line->bytes, line->len);
}

static void print_attempt(const struct call *call, const json_t *attempt, size_t number)
{
	struct buf line;

	buf_init(&line, LINE_MAX_BYTES);
	buf_printf(&line, "  attempt %zu", number);
	put_fact(&line, attempt, "", "state");
	put_fact(&line, attempt, "by ", "upstream");
	put_fact(&line, attempt, "model ", "model");
	put_fact(&line, attempt, "status ", "status");
	put_fact(&line, attempt, "", "error.message");
	if (json_is_string(json_object_get(attempt, "error")))
		put_fact(&line, attempt, "", "error");
	put_span(&line, json_object_get(attempt, "started_at"),
		json_object_get(attempt, "finished_at"));
	print_line(call, &line);
	buf_clear(&line);
}

static void print_attempts(const struct call *call, const json_t *job)
{
	const json_t *list = json_object_get(job, "attempts");
	const json_t *attempt;
	size_t i;

	if (json_array_size(list) == 0)
		return;
	fprintf(call->out, "\nattempts:\n");
	json_array_foreach(list, i, attempt)
	{
		long long number = json_integer_value(json_object_get(attempt, "number"));

		print_attempt(call, attempt, number > 0 ? (size_t)number : i + 1);
	}
}

/* A run of deltas is one line: their count says more than their texts. */
static void print_events(const struct call *call, const json_t *job)
{
	const json_t *list = json_object_get(job, "events");
	const json_t *event;
	size_t i, deltas = 0;

	if (json_array_size(list) == 0)
		return;
	fprintf(call->out, "\nevents:\n");
	json_array_foreach(list, i, event)
	{
		const char *type = json_string_value(json_object_get(event, "type"));
		bool delta = type && strcmp(type, "job.delta") == 0;
		struct buf line;

		if (!delta && deltas > 0)
			fprintf(call->out, "        %zu piece%s of the answer\n", deltas,
				deltas == 1 ? "" : "s");
		deltas = delta ? deltas + 1 : 0;
		if (delta)
			continue;
		buf_init(&line, LINE_MAX_BYTES);
		buf_printf(&line, "  %4lld  %s", json_integer_value(json_object_get(event, "id")),
			type ? type : "?");
		put_fact(&line, event, "for ", "data.waiting_for");
		put_fact(&line, event, "", "data.error.code");
		print_line(call, &line);
		buf_clear(&line);
	}
}

static void print_head(const struct call *call, const json_t *job)
{
	struct buf line;

	buf_init(&line, LINE_MAX_BYTES);
	listing_text(job, "id", &line);
	put_fact(&line, job, "", "state");
	put_fact(&line, job, "waiting for ", "waiting_for");
	put_fact(&line, job, "queue ", "queue");
	put_fact(&line, job, "kind ", "kind");
	put_fact(&line, job, "model ", "model");
	put_span(&line, json_object_get(job, "created_at"), json_object_get(job, "finished_at"));
	print_line(call, &line);
	buf_reset(&line);
	buf_printf(&line, "submitted ");
	listing_text(job, "created_at", &line);
	put_fact(&line, job, "runs at ", "run_at");
	put_fact(&line, job, "deadline ", "deadline_at");
	put_fact(&line, job, "crashes ", "crashes");
	put_fact(&line, job, "interruptions ", "interruptions");
	print_line(call, &line);
	buf_clear(&line);
}

static void print_error(const struct call *call, const json_t *job)
{
	const json_t *error = json_object_get(job, "error");
	struct buf line;

	if (!json_is_object(error))
		return;
	buf_init(&line, LINE_MAX_BYTES);
	buf_text(&line, "\nended because: ");
	listing_text(error, "message", &line);
	put_fact(&line, error, "", "code");
	put_fact(&line, error, "upstream status ", "upstream_status");
	put_fact(&line, error, "the upstream said: ", "upstream_message");
	print_line(call, &line);
	buf_clear(&line);
}

static void tell(const struct call *call, const json_t *job)
{
	print_head(call, job);
	print_error(call, job);
	print_attempts(call, job);
	print_events(call, job);
	print_shares(call, job);
}

enum outcome why_run(struct call *call)
{
	struct client client;
	char path[128];
	json_t *job = NULL;
	enum outcome outcome = job_check_ids(call);

	if (outcome != OUTCOME_OK)
		return outcome;
	snprintf(path, sizeof(path), "/v1/jobs/%s?expand=attempts,events", call->arguments[0]);
	outcome = client_open(call, CLIENT_JOBS, &client);
	if (outcome == OUTCOME_OK)
		outcome = client_get(&client, path, &job);
	if (outcome == OUTCOME_OK && call_flag(call, "json"))
		outcome = output_json(call, job);
	else if (outcome == OUTCOME_OK)
		tell(call, job);
	json_decref(job);
	client_clear(&client);
	return outcome;
}
