/* The story of one job: what happened when, why, and where its time went. */
#include "duration.h"
#include "handlers.h"
#include "job.h"
#include "listing.h"
#include "output.h"
#include "story.h"

#include "domain/hold.h"
#include "ground/clock.h"

#include <string.h>

enum { BAR = 30, LINE_MAX_BYTES = 4096 };

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

static void put_span(struct buf *line, const json_t *object, const char *label, const char *member)
{
	const json_t *ms = json_object_get(object, member);
	char text[DURATION_TEXT_MAX];

	if (!json_is_integer(ms) || json_integer_value(ms) == 0)
		return;
	duration_format(json_integer_value(ms), text);
	buf_printf(line, ", %s%s", label, text);
}

static void print_line(const struct call *call, struct buf *line)
{
	buf_char(line, '\n');
	if (line->bytes)
		output_text(call->out, line->bytes, line->len);
}

/* ---- a line for each event ---- */

static void put_accepted(struct buf *line, const json_t *event)
{
	buf_text(line, "accepted and committed");
	put_span(line, event, "in ", "took_ms");
	put_fact(line, event, "to run at ", "run_at");
}

static void put_waits(struct buf *line, const json_t *event)
{
	struct buf label;

	buf_init(&label, LINE_MAX_BYTES);
	buf_text(&label, "after a wait for ");
	listing_text(event, "waited_for", &label);
	buf_text(&label, " of ");
	put_span(line, event, buf_err(&label) ? "" : label.bytes, "waited_ms");
	buf_clear(&label);
	put_span(line, event, "in the queue for ", "queue_ms");
}

static void put_claimed(struct buf *line, const json_t *event)
{
	buf_printf(line, "attempt %lld begins%s",
		(long long)json_integer_value(json_object_get(event, "number")),
		json_is_true(json_object_get(event, "again")) ? " again" : "");
	put_fact(line, event, "on ", "worker");
	put_waits(line, event);
}

/* Who is called, and why not the one before. */
static void put_whom(struct buf *line, const json_t *event)
{
	put_fact(line, event, "upstream ", "upstream");
	put_fact(line, event, "instead of ", "instead_of_upstream");
	put_fact(line, event, "key ", "key");
	put_fact(line, event, "model ", "model");
	if (json_is_true(json_object_get(event, "fallback")))
		buf_text(line, ", a fallback of the job");
	put_fact(line, event, "instead of ", "instead_of_model");
	put_fact(line, event, "called there ", "called_model");
}

static void put_held_by(struct buf *line, const json_t *event)
{
	const char *word = json_string_value(json_object_get(event, "held_by"));
	const enum hold hold = hold_from_word(word);

	if (word)
		buf_printf(line, ", held by %s", hold ? hold_by(hold) : word);
}

static void put_called(struct buf *line, const json_t *event)
{
	buf_text(line, "the model is called");
	put_whom(line, event);
	put_span(line, event, "leave came after ", "admit_ms");
	put_held_by(line, event);
	put_span(line, event, "by now for ", "for_ms");
}

/* Its worker has it, and waits with it. */
static void put_held_back(struct buf *line, const json_t *event)
{
	buf_text(line, "not called yet");
	put_held_by(line, event);
	put_span(line, event, "for ", "for_ms");
	put_whom(line, event);
}

static void put_not_called(struct buf *line, const json_t *event)
{
	const json_t *error = json_object_get(event, "error");
	const char *code = json_string_value(json_object_get(error, "code"));

	buf_text(line, "not called: ");
	listing_text(event, "error.message", line);
	put_fact(line, event, "", "error.code");
	put_whom(line, event);
	if (code && err_from_code(code) == ERR_UP_PACING) /* of two limits */
		put_held_by(line, event);
}

static void put_sent_again(struct buf *line, const json_t *event)
{
	buf_text(line,
		"sent to its queue again by a user's or operator's retry, attempts begin anew");
	put_fact(line, event, "deadline now ", "deadline_at");
}

static void put_first_byte(struct buf *line, const json_t *event)
{
	buf_text(line, "the first byte");
	put_span(line, event, "after ", "after_ms");
}

static void put_usage(struct buf *line, const json_t *event)
{
	const char *cost =
		json_string_value(json_object_get(json_object_get(event, "usage"), "cost_usd"));

	put_fact(line, event, "input tokens ", "usage.input_tokens");
	put_fact(line, event, "output tokens ", "usage.output_tokens");
	if (cost && strspn(cost, "0.") < strlen(cost))
		buf_printf(line, ", USD %s", cost);
	if (json_is_true(json_object_get(json_object_get(event, "usage"), "estimated")))
		buf_text(line, ", estimated");
}

static void put_ended(struct buf *line, const json_t *event)
{
	buf_printf(line, "attempt %lld ends",
		(long long)json_integer_value(json_object_get(event, "number")));
	put_span(line, event, "took ", "took_ms");
	put_fact(line, event, "", "error.message");
	put_fact(line, event, "", "error.code");
	put_fact(line, event, "status ", "status");
	put_span(line, event, "Retry-After ", "retry_after_ms");
	put_fact(line, event, "so nobody calls this upstream, key and model before ",
		"not_called_before");
	put_usage(line, event);
	buf_printf(line, "\n%14s-> ", "");
	listing_text(event, "state", line);
	put_fact(line, event, "for ", "waiting_for");
	buf_text(line, ": ");
	listing_text(event, "reason", line);
}

static void put_webhook(struct buf *line, const json_t *event)
{
	const char *state = json_string_value(json_object_get(event, "state"));

	buf_text(line, "webhook");
	put_fact(line, event, "status ", "status");
	put_span(line, event, "took ", "latency_ms");
	put_fact(line, event, "", "error");
	if (json_is_string(json_object_get(event, "error")))
		buf_printf(line, " (%s)",
			err_text(
				err_from_code(json_string_value(json_object_get(event, "error")))));
	if (json_is_string(json_object_get(event, "next_at")))
		put_fact(line, event, "the next try at ", "next_at");
	else if (state && strcmp(state, "failed") == 0)
		buf_text(line, ", given up");
	else
		put_fact(line, event, "", "state");
}

/* A job's end, and how it is now when there is none. */
static void put_state(struct buf *line, const json_t *event)
{
	buf_text(line, "the job is ");
	listing_text(event, "event", line);
	put_fact(line, event, "", "error.message");
	put_fact(line, event, "", "error.code");
	put_fact(line, event, job_words_by(json_object_get(event, "error")),
		"error.upstream_message");
	put_fact(line, event, "for ", "waiting_for");
	put_fact(line, event, "until ", "due_at");
	put_usage(line, event);
}

/* What holds it, where that is known; the count behind it is a moment old. */
static void put_held(struct buf *line, const json_t *place)
{
	const json_int_t running = json_integer_value(json_object_get(place, "running"));
	const json_int_t cap = json_integer_value(json_object_get(place, "concurrency"));
	const json_int_t mine = json_integer_value(json_object_get(place, "tenant_max_running"));
	const double rate = json_number_value(json_object_get(place, "rate"));

	if (json_is_true(json_object_get(place, "paused")))
		buf_text(line, ": its queue is paused");
	else if (cap > 0 && running >= cap)
		buf_printf(line, ": %lld of the %lld that its queue may run are running",
			(long long)running, (long long)cap);
	else if (json_is_false(json_object_get(place, "free_slots")))
		buf_text(line, ": no worker has a free slot");
	else if (mine > 0)
		buf_printf(line, ": its tenant may run %lld at a time", (long long)mine);
	else if (rate > 0)
		buf_printf(line, ": its queue starts %.15g a second", rate);
}

static void put_queued(struct buf *line, const json_t *event)
{
	put_state(line, event);
	put_held(line, json_object_get(event, "place"));
}

static const struct {
	const char *event;
	void (*put)(struct buf *line, const json_t *event);
} lines[] = {
	{"accepted", put_accepted},
	{"claimed", put_claimed},
	{"sent_again", put_sent_again},
	{"called", put_called},
	{"not_called", put_not_called},
	{"held_back", put_held_back},
	{"first_byte", put_first_byte},
	{"ended", put_ended},
	{"webhook", put_webhook},
	{"queued", put_queued},
	{NULL, put_state},
};

static int64_t time_of(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));
	int64_t ms;

	return text && clock_parse(text, &ms) == 0 ? ms : 0;
}

static void print_event(const struct call *call, const json_t *event, int64_t from_ms)
{
	const char *name = json_string_value(json_object_get(event, "event"));
	char since[DURATION_TEXT_MAX];
	struct buf line;
	size_t i = 0;

	while (lines[i].event && strcmp(lines[i].event, name) != 0)
		i++;
	duration_format(time_of(event, "at") - from_ms, since);
	buf_init(&line, LINE_MAX_BYTES);
	buf_printf(&line, "  +%9s  ", since);
	lines[i].put(&line, event);
	print_line(call, &line);
	buf_clear(&line);
}

/* ---- the shares ---- */

static void print_share(const struct call *call, const json_t *share)
{
	const double part = json_number_value(json_object_get(share, "share"));
	char text[DURATION_TEXT_MAX], bar[BAR + 1];
	size_t n = (size_t)(part * BAR + 0.5);

	n = n < BAR ? n : BAR;
	duration_format(json_integer_value(json_object_get(share, "ms")), text);
	memset(bar, '#', n);
	bar[n] = '\0';
	fprintf(call->out, "  %-38s %10s %5.1f %%%s%s\n",
		json_string_value(json_object_get(share, "text")), text, part * 100,
		n > 0 ? "  " : "", bar);
}

static void print_head(const struct call *call, const json_t *job)
{
	struct buf line;

	buf_init(&line, LINE_MAX_BYTES);
	listing_text(job, "id", &line);
	put_fact(&line, job, "", "state");
	put_fact(&line, job, "queue ", "queue");
	put_fact(&line, job, "kind ", "kind");
	put_fact(&line, job, "model ", "model");
	put_fact(&line, job, "trace ", "trace_id");
	print_line(call, &line);
	buf_reset(&line);
	buf_text(&line, "submitted ");
	listing_text(job, "created_at", &line);
	put_fact(&line, job, "deadline ", "deadline_at");
	put_fact(&line, job, "crashes ", "crashes");
	put_fact(&line, job, "interruptions ", "interruptions");
	print_line(call, &line);
	buf_clear(&line);
}

/* Who reads a job that is not stored reads its answer, so that it is not read a second time. */
static void print_last_look(const struct call *call, const json_t *job)
{
	const bool there = json_is_object(json_object_get(job, "result"));

	if (!json_is_false(json_object_get(job, "store")) || !job_has_ended(job))
		return;
	if (there)
		fprintf(call->out, "\nits answer, deleted now that it was read (store: false):\n");
	job_print_answer(call, job);
}

static enum outcome print_story(
	const struct call *call, const json_t *job, const struct story *story)
{
	const json_t *one;
	char text[DURATION_TEXT_MAX];
	size_t i;

	print_head(call, job);
	fprintf(call->out, "\nwhat happened, since it was submitted:\n");
	json_array_foreach(story->lines, i, one)
	{
		print_event(call, one, time_of(job, "created_at"));
	}
	duration_format(story->life_ms, text);
	fprintf(call->out, "\nwhere %s went:\n", text);
	json_array_foreach(story->shares, i, one)
	{
		print_share(call, one);
	}
	print_last_look(call, job);
	return OUTCOME_OK;
}

/* The job as the server told it, with the story beside. */
static enum outcome print_json(const struct call *call, json_t *job, const struct story *story)
{
	json_object_set(job, "story", story->lines);
	json_object_set(job, "shares", story->shares);
	return output_json(call, job);
}

static enum outcome tell(const struct call *call, json_t *job)
{
	struct story story;
	enum outcome outcome;
	enum err e = story_make(job, clock_record_ms(), &story);

	if (e)
		return call_fail(call, OUTCOME_FAILED, "%s", err_text(e));
	outcome = call_flag(call, "json") ? print_json(call, job, &story)
					  : print_story(call, job, &story);
	story_clear(&story);
	return outcome;
}

enum outcome why_run(struct call *call)
{
	struct client client;
	char path[128];
	json_t *job = NULL;
	enum outcome outcome = job_check_ids(call);

	if (outcome != OUTCOME_OK)
		return outcome;
	snprintf(path, sizeof(path), "/v1/jobs/%s?expand=attempts,deliveries,place",
		call->arguments[0]);
	outcome = client_open(call, CLIENT_JOBS, &client);
	if (outcome == OUTCOME_OK)
		outcome = client_get(&client, path, &job);
	if (outcome == OUTCOME_OK)
		outcome = tell(call, job);
	json_decref(job);
	client_clear(&client);
	return outcome;
}
