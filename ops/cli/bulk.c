#include "bulk.h"

#include "output.h"
#include "problem.h"
#include "progress.h"
#include "prompt.h"
#include "source.h"

#include <stdlib.h>
#include <string.h>

enum {
	LINES_MAX = 2000,	/* of a request */
	BYTES_MAX = 8 << 20,	/* after which a request is sent */
	REQUEST_MAX = 60 << 20, /* of a request with its last line */
	LINE_DEPTH = 64,
	TRIES_MAX = 8, /* of one request while the server is away or full */
	PAUSE_MS = 1000,
};

struct bulk {
	struct client *client;
	json_t *defaults; /* what the options say, for lines that do not */
	json_t *model;	  /* likewise, for inputs; NULL = none is named */
	FILE *in;
	struct buf body;
	size_t *numbers; /* line number in the file of each line in body */
	size_t lines;	 /* in body */
	size_t line;	 /* read so far */
	size_t accepted, refused;
	struct progress progress;
};

/* Puts what an object lacks; true when that was something. */
static bool fill_in(json_t *object, const char *member, json_t *value)
{
	return value && !json_object_get(object, member) &&
	       json_object_set(object, member, value) == 0;
}

/* What the options say and the line does not: whole members, single metadata, the model of an
 * input that would name one. False: the line had it all. */
static bool complete(const struct bulk *b, json_t *job)
{
	json_t *metadata = json_object_get(job, "metadata"), *input = json_object_get(job, "input");
	const char *kind = json_string_value(json_object_get(job, "kind"));
	bool changed = false;
	const char *member;
	json_t *value;

	json_object_foreach(json_object_get(b->defaults, "metadata"), member, value)
	{
		changed |= json_is_object(metadata) && fill_in(metadata, member, value);
	}
	json_object_foreach(b->defaults, member, value)
	{
		changed |= fill_in(job, member, value);
	}
	if (json_is_object(input) && (!kind || strcmp(kind, "noop") != 0))
		changed |= fill_in(input, "model", b->model);
	return changed;
}

/* Puts one line into body. A line that is no JSON object, or lacks nothing, is sent as it is. */
static enum err put_line(struct bulk *b, const char *text, size_t len)
{
	struct problems problems = {.n = 0};
	json_t *job = NULL;
	enum err e;

	if (json_read(text, len, LINE_DEPTH, &problems, &job) == ERR_OK && json_is_object(job) &&
		complete(b, job))
		e = json_write(job, &b->body);
	else
		e = buf_append(&b->body, text, len);
	json_decref(job);
	if (e == ERR_OK)
		e = buf_char(&b->body, '\n');
	b->numbers[b->lines++] = b->line;
	return e;
}

/* Fills body up to a request's worth; *ret_more is false at the end of the file. */
static enum err fill(struct bulk *b, bool *ret_more)
{
	char *text = NULL;
	size_t room = 0;
	ssize_t len = 0;
	enum err e = ERR_OK;

	buf_reset(&b->body);
	b->lines = 0;
	while (e == ERR_OK && b->lines < LINES_MAX && b->body.len < BYTES_MAX &&
		(len = getline(&text, &room, b->in)) >= 0) {
		b->line++;
		while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
			len--;
		if (len > 0)
			e = put_line(b, text, (size_t)len);
	}
	*ret_more = len >= 0;
	free(text);
	return e;
}

static void told_line(struct bulk *b, size_t i, const char *text, size_t len)
{
	const struct call *call = b->client->call;
	struct problems problems = {.n = 0};
	json_t *line = NULL;
	const char *id;

	if (call_flag(call, "json")) {
		fwrite(text, 1, len, call->out);
		fputc('\n', call->out);
	}
	if (json_read(text, len, LINE_DEPTH, &problems, &line) != ERR_OK)
		line = NULL;
	id = json_string_value(json_object_get(line, "id"));
	b->accepted += id != NULL;
	b->refused += id == NULL;
	if (id && !call_flag(call, "json"))
		fprintf(call->out, "%s\n", id);
	if (!id) {
		progress_end(&b->progress);
		problem_say_line(call, i < b->lines ? b->numbers[i] : 0, line);
	}
	json_decref(line);
}

static enum outcome told(struct bulk *b, const struct reply *reply)
{
	const char *text = reply->body.len > 0 ? reply->body.bytes : "";
	size_t i = 0;

	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len > 0)
			told_line(b, i++, text, len);
		text += len + (text[len] == '\n');
	}
	if (i == b->lines)
		return OUTCOME_OK;
	return call_fail(b->client->call, OUTCOME_UNAVAILABLE,
		"the server answered %zu of %zu lines; lines %zu to %zu may or may not be accepted",
		i, b->lines, b->numbers[0], b->numbers[b->lines - 1]);
}

/* Sends body. Only a refusal of the whole (nothing was kept then) is tried again. */
static enum outcome send_lines(struct bulk *b)
{
	struct question question = {.method = "POST",
		.path = "/v1/jobs/bulk",
		.body = b->body.bytes,
		.body_len = b->body.len};
	enum outcome outcome = OUTCOME_OK;

	for (int tries = 0; tries < TRIES_MAX; tries++) {
		struct reply reply;
		bool again;

		question.quiet = tries + 1 < TRIES_MAX;
		outcome = client_ask(b->client, &question, &reply);
		again = outcome == OUTCOME_UNAVAILABLE &&
			(reply.status == 429 || reply.status == 503);
		if (outcome == OUTCOME_OK)
			outcome = told(b, &reply);
		else if (!again && question.quiet)
			client_complain(b->client, &reply);
		if (again && question.quiet)
			client_pause(
				reply.retry_after_s > 0 ? reply.retry_after_s * 1000 : PAUSE_MS);
		reply_clear(&reply);
		if (!again)
			break;
	}
	return outcome;
}

static void show(struct bulk *b)
{
	char detail[PROGRESS_MAX];

	snprintf(detail, sizeof(detail), "%zu accepted, %zu refused", b->accepted, b->refused);
	if (b->progress.terminal)
		progress_show(&b->progress, "submitting", detail);
}

static enum outcome run(struct bulk *b)
{
	enum outcome outcome = OUTCOME_OK;
	bool more = true;

	while (more && outcome == OUTCOME_OK) {
		enum err e = fill(b, &more);

		if (e != ERR_OK)
			return call_usage(b->client->call, "line %zu is %s", b->line, err_text(e));
		if (b->lines > 0)
			outcome = send_lines(b);
		show(b);
	}
	progress_end(&b->progress);
	if (b->refused > 0)
		fprintf(b->client->call->err, "%zu accepted, %zu refused\n", b->accepted,
			b->refused);
	if (outcome == OUTCOME_OK && b->refused > 0)
		outcome = OUTCOME_FAILED;
	return outcome;
}

enum outcome bulk_submit(struct client *client)
{
	struct bulk b = {.client = client, .numbers = calloc(LINES_MAX, sizeof(size_t))};
	const char *model = call_text(client->call, "model") ? call_text(client->call, "model")
							     : client->profile.model;
	enum outcome outcome = b.numbers ? OUTCOME_OK : OUTCOME_FAILED;

	buf_init(&b.body, REQUEST_MAX);
	progress_init(&b.progress, client->call);
	if (outcome == OUTCOME_OK)
		outcome = prompt_settings(client->call, &b.defaults);
	if (outcome == OUTCOME_OK && *model)
		b.model = json_string(model);
	if (outcome == OUTCOME_OK)
		outcome = source_open(client->call, call_text(client->call, "ndjson"), &b.in);
	if (outcome == OUTCOME_OK)
		outcome = run(&b);
	source_close(b.in);
	json_decref(b.defaults);
	json_decref(b.model);
	buf_clear(&b.body);
	free(b.numbers);
	return outcome;
}
