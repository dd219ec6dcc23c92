#include "job.h"

#include "handlers.h"
#include "listing.h"
#include "output.h"

#include "ground/id.h"

#include <stdlib.h>
#include <string.h>

enum { ANSWER_MAX_BYTES = 256 << 20, LINE_MAX_BYTES = 8192 };

enum outcome job_check_id(const struct call *call, const char *text)
{
	struct id id;

	if (id_parse("job", text, &id))
		return OUTCOME_OK;
	return call_usage(call, "\"%s\" is not a job's id (job_ and 26 characters)", text);
}

enum outcome job_check_ids(const struct call *call)
{
	enum outcome outcome = OUTCOME_OK;

	for (size_t i = 0; i < call->n && outcome == OUTCOME_OK; i++)
		outcome = job_check_id(call, call->arguments[i]);
	return outcome;
}

const char *job_state(const json_t *job)
{
	const char *state = json_string_value(json_object_get(job, "state"));

	return state ? state : "unknown";
}

bool job_has_ended(const json_t *job)
{
	static const char *const ends[] = {"completed", "failed", "cancelled", "expired"};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (strcmp(job_state(job), ends[i]) == 0)
			return true;
	return false;
}

enum outcome job_outcome(const json_t *job)
{
	return strcmp(job_state(job), "completed") == 0 ? OUTCOME_OK : OUTCOME_FAILED;
}

/* Where the APIs keep the text: dots lead into objects, a star goes through a list. */
static const char *const answers[] = {
	"choices.*.message.content",
	"output.*.content.*.text",
	"content.*.text",
};

static bool gather(const json_t *value, const char *path, struct buf *out)
{
	size_t n = strcspn(path, ".");
	const char *rest = path[n] ? path + n + 1 : path + n;
	char name[32];
	const json_t *one;
	bool found = false;
	size_t i;

	if (!*path && json_is_string(value))
		return buf_append(out, json_string_value(value), json_string_length(value)) ==
		       ERR_OK;
	if (*path == '*') {
		json_array_foreach(value, i, one)
		{
			found |= gather(one, rest, out);
		}
		return found;
	}
	snprintf(name, sizeof(name), "%.*s", (int)n, path);
	return *path && gather(json_object_get(value, name), rest, out);
}

void job_answer(const json_t *job, struct buf *out)
{
	const json_t *result = json_object_get(job, "result");
	char *text;

	if (!result || json_is_null(result))
		return;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (gather(result, answers[i], out))
			return;
	text = json_dumps(result, JSON_COMPACT | JSON_ENCODE_ANY);
	if (text)
		output_json_put(text, out);
	free(text);
	if (buf_err(out) != ERR_OK)
		buf_reset(out);
}

const char *job_words_by(const json_t *error)
{
	const char *code = json_string_value(json_object_get(error, "code"));

	return code && strcmp(code, err_code(ERR_NO_UPSTREAM)) == 0 ? "" : "the upstream said: ";
}

static void print_error(const struct call *call, const json_t *job)
{
	const json_t *error = json_object_get(job, "error");
	struct buf text;

	buf_init(&text, LINE_MAX_BYTES);
	buf_printf(&text, "%s %s", json_string_value(json_object_get(job, "id")), job_state(job));
	if (json_is_object(error)) {
		buf_text(&text, ": ");
		listing_text(error, "message", &text);
		buf_text(&text, " (");
		listing_text(error, "code", &text);
		buf_text(&text, ")");
	}
	if (json_is_string(json_object_get(error, "upstream_message"))) {
		buf_printf(&text, "; %s", job_words_by(error));
		listing_text(error, "upstream_message", &text);
	}
	buf_text(&text, "\n");
	if (text.bytes)
		output_text(call->err, text.bytes, text.len);
	buf_clear(&text);
}

static bool is_deleted(const json_t *job)
{
	return json_is_false(json_object_get(job, "store")) && job_has_ended(job) &&
	       json_is_null(json_object_get(job, "result"));
}

void job_print_answer(const struct call *call, const json_t *job)
{
	struct buf text;

	buf_init(&text, ANSWER_MAX_BYTES);
	job_answer(job, &text);
	if (text.len > 0) {
		output_text(call->out, text.bytes, text.len);
		if (text.bytes[text.len - 1] != '\n')
			fputc('\n', call->out);
	}
	buf_clear(&text);
	if (job_has_ended(job) && job_outcome(job) != OUTCOME_OK)
		print_error(call, job);
	else if (is_deleted(job))
		fprintf(call->err,
			"%s: its answer was read before and is deleted, as was asked for (store: "
			"false)\n",
			json_string_value(json_object_get(job, "id")));
}

static const struct {
	const char *label, *member; /* a zero says nothing and is left out */
} facts[] = {
	{"job", "id"},
	{"state", "state"},
	{"waiting for", "waiting_for"},
	{"kind", "kind"},
	{"queue", "queue"},
	{"model", "model"},
	{"answered by", "fallback_model"},
	{"upstream", "upstream"},
	{"attempt", "attempt"},
	{"max attempts", "max_attempts"},
	{"crashes", "crashes"},
	{"interrupted", "interruptions"},
	{"stage", "progress.stage"},
	{"percent", "progress.percent"},
	{"created", "created_at"},
	{"runs at", "run_at"},
	{"deadline", "deadline_at"},
	{"started", "started_at"},
	{"finished", "finished_at"},
	{"tokens in", "usage.input_tokens"},
	{"tokens out", "usage.output_tokens"},
	{"cost (USD)", "usage.cost_usd"},
	{"subject", "subject"},
	{"trace", "trace_id"},
};

/* What the upstream did not count. */
static bool is_guess(const json_t *job, const char *member)
{
	const json_t *usage = json_object_get(job, "usage");

	return strncmp(member, "usage.", 6) == 0 &&
	       json_is_true(json_object_get(usage, "estimated"));
}

static void print_facts(const struct call *call, const json_t *job)
{
	struct buf text;

	buf_init(&text, LINE_MAX_BYTES);
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		buf_reset(&text);
		listing_text(job, facts[i].member, &text);
		if (text.len == 0 || strspn(text.bytes, "0.") == text.len)
			continue;
		if (is_guess(job, facts[i].member))
			buf_text(&text, " (estimated)");
		fprintf(call->out, "%-12s ", facts[i].label);
		output_text(call->out, text.bytes, text.len);
		fputc('\n', call->out);
	}
	buf_clear(&text);
}

static void print_metadata(const struct call *call, const json_t *job)
{
	const char *key;
	json_t *value;

	json_object_foreach(json_object_get(job, "metadata"), key, value)
	{
		struct buf text;

		buf_init(&text, LINE_MAX_BYTES);
		buf_printf(&text, "%-12s %s=%s\n", "metadata", key,
			json_is_string(value) ? json_string_value(value) : "");
		if (text.bytes)
			output_text(call->out, text.bytes, text.len);
		buf_clear(&text);
	}
}

void job_print(const struct call *call, const json_t *job)
{
	print_facts(call, job);
	print_metadata(call, job);
	if (!json_is_object(json_object_get(job, "result")) && !job_has_ended(job))
		return;
	fputc('\n', call->out);
	job_print_answer(call, job);
}

static void show(const struct call *call, const json_t *job)
{
	if (call_flag(call, "text"))
		job_print_answer(call, job);
	else
		job_print(call, job);
}

static enum outcome get_one(struct client *client, const char *id)
{
	const struct call *call = client->call;
	struct buf path;
	json_t *job = NULL;
	enum outcome outcome;

	buf_init(&path, JOB_PATH_MAX_BYTES);
	buf_printf(&path, "/v1/jobs/%s", id);
	client_query(&path, "expand", call_text(call, "expand"));
	if (buf_err(&path) != ERR_OK)
		outcome = call_usage(call, "--expand is too long");
	else
		outcome = client_get(client, path.bytes, &job);
	if (outcome == OUTCOME_OK && (call_flag(call, "json") || call_text(call, "expand")))
		outcome = output_json(call, job);
	else if (outcome == OUTCOME_OK)
		show(call, job);
	json_decref(job);
	buf_clear(&path);
	return outcome;
}

enum outcome job_get_run(struct call *call)
{
	struct client client;
	enum outcome outcome = job_check_ids(call);
	enum outcome worst = OUTCOME_OK;

	if (outcome != OUTCOME_OK)
		return outcome;
	outcome = client_open(call, CLIENT_JOBS, &client);
	for (size_t i = 0; i < call->n && outcome == OUTCOME_OK; i++) {
		enum outcome one = get_one(&client, call->arguments[i]);

		if (i + 1 < call->n && !call_flag(call, "json"))
			fputc('\n', call->out);
		worst = one != OUTCOME_OK ? one : worst;
	}
	client_clear(&client);
	return outcome != OUTCOME_OK ? outcome : worst;
}
