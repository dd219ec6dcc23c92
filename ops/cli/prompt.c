#include "prompt.h"

#include "filter.h"
#include "source.h"

#include "ground/clock.h"

#include <string.h>

#define USUAL_KIND "chat"

enum { PROMPT_MAX_BYTES = 10 << 20, INPUT_DEPTH = 64, ANSWER_TOKENS = 4096 };

static const struct {
	const char *option, *member;
	enum { TEXT, NUMBER } form;
} settings[] = {
	{"kind", "kind", TEXT},
	{"queue", "queue", TEXT},
	{"priority", "priority", NUMBER},
	{"deadline", "deadline_s", NUMBER},
	{"attempt-timeout", "attempt_timeout_s", NUMBER},
	{"max-attempts", "max_attempts", NUMBER},
	{"subject", "subject", TEXT},
};

static int put_fallback(const struct call *call, json_t *job)
{
	json_t *list = json_array();
	const char *model;
	int failed = 0;
	size_t i = 0;

	while ((model = call_next(call, "fallback", &i)))
		failed |= json_array_append_new(list, json_pack("{s:s}", "model", model));
	return failed | json_object_set_new(job, "fallback", list);
}

/* Not 0 when something could not be put: nothing that was typed may get lost on the way. */
static int put_settings(const struct call *call, json_t *job)
{
	int failed = 0;

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		const char *text = call_text(call, settings[i].option);

		if (text)
			failed |= json_object_set_new(job, settings[i].member,
				settings[i].form == NUMBER
					? json_integer(call_number(call, settings[i].option, 0))
					: json_string(text));
	}
	if (call_flag(call, "fallback"))
		failed |= put_fallback(call, job);
	if (call_text(call, "callback"))
		failed |= json_object_set_new(
			job, "callback", json_pack("{s:s}", "url", call_text(call, "callback")));
	if (call_flag(call, "no-store"))
		failed |= json_object_set_new(job, "store", json_false());
	return failed;
}

static int put_metadata(const struct call *call, json_t *job)
{
	json_t *metadata = filter_metadata(call);
	int failed = metadata == NULL;

	if (json_object_size(metadata) > 0)
		failed |= json_object_set(job, "metadata", metadata);
	json_decref(metadata);
	return failed;
}

enum outcome prompt_settings(const struct call *call, json_t **ret_job)
{
	json_t *job = json_object();
	char when[CLOCK_TEXT_MAX];
	enum outcome outcome = OUTCOME_OK;
	int failed;

	if (call_text(call, "run-at"))
		outcome = filter_when(call, "run-at", when, sizeof(when));
	failed = put_settings(call, job) | put_metadata(call, job);
	if (outcome == OUTCOME_OK && call_text(call, "run-at"))
		failed |= json_object_set_new(job, "run_at", json_string(when));
	if (outcome == OUTCOME_OK && failed)
		outcome = call_fail(call, OUTCOME_FAILED, "out of memory");
	if (outcome == OUTCOME_OK)
		*ret_job = job;
	else
		json_decref(job);
	return outcome;
}

/* The words, then the file. "-" among the words is standard input. */
static enum outcome gather(const struct call *call, struct buf *text)
{
	const char *file = call_text(call, "file");
	enum outcome outcome = OUTCOME_OK;

	for (size_t i = 0; i < call->n && outcome == OUTCOME_OK; i++) {
		if (i > 0)
			buf_char(text, ' ');
		if (strcmp(call->arguments[i], "-") == 0)
			outcome = source_read(call, "-", text);
		else
			buf_text(text, call->arguments[i]);
	}
	if (file && text->len > 0)
		buf_text(text, "\n\n");
	if (file && outcome == OUTCOME_OK)
		outcome = source_read(call, file, text);
	if (outcome == OUTCOME_OK && buf_err(text) != ERR_OK)
		outcome = call_usage(call, "the prompt is %s", err_text(buf_err(text)));
	return outcome;
}

/* NULL when text is not UTF-8. */
static json_t *messages(const struct call *call, const char *text, size_t len)
{
	const char *system = call_text(call, "system");
	json_t *list = json_array();
	int failed = 0;

	if (system)
		failed |= json_array_append_new(
			list, json_pack("{s:s, s:s}", "role", "system", "content", system));
	failed |= json_array_append_new(
		list, json_pack("{s:s, s:s%}", "role", "user", "content", text, len));
	if (!failed)
		return list;
	json_decref(list);
	return NULL;
}

static json_t *as_chat(const struct call *call, const char *model, const char *text, size_t len)
{
	return json_pack("{s:s, s:o}", "model", model, "messages", messages(call, text, len));
}

static json_t *as_input(const struct call *call, const char *model, const char *text, size_t len)
{
	return json_pack("{s:s, s:s*, s:s%}", "model", model, "instructions",
		call_text(call, "system"), "input", text, len);
}

static json_t *as_embedding(
	const struct call *call, const char *model, const char *text, size_t len)
{
	return json_pack("{s:s, s:s%}", "model", model, "input", text, len);
}

static json_t *as_message(const struct call *call, const char *model, const char *text, size_t len)
{
	return json_pack("{s:s, s:i, s:s*, s:[{s:s, s:s%}]}", "model", model, "max_tokens",
		ANSWER_TOKENS, "system", call_text(call, "system"), "messages", "role", "user",
		"content", text, len);
}

static const struct {
	const char *kind;
	json_t *(*form)(const struct call *call, const char *model, const char *text, size_t len);
} forms[] = {
	{"chat", as_chat},
	{"response", as_input},
	{"embedding", as_embedding},
	{"message", as_message},
};

static enum outcome from_words(const struct call *call, const char *model, json_t **ret_input)
{
	const char *kind = call_text(call, "kind") ? call_text(call, "kind") : USUAL_KIND;
	struct buf text;
	enum outcome outcome;
	json_t *input = NULL;

	buf_init(&text, PROMPT_MAX_BYTES);
	outcome = gather(call, &text);
	if (outcome == OUTCOME_OK && text.len == 0)
		outcome = call_usage(
			call, "give a prompt: words, --file FILE, or - for standard input");
	for (size_t i = 0; outcome == OUTCOME_OK && i < sizeof(forms) / sizeof(forms[0]); i++)
		if (strcmp(forms[i].kind, kind) == 0)
			input = forms[i].form(call, model, text.bytes, text.len);
	if (outcome == OUTCOME_OK && !input)
		outcome = call_usage(
			call, "the prompt is not UTF-8 text, or kind %s wants --input", kind);
	if (outcome == OUTCOME_OK)
		*ret_input = input;
	buf_clear(&text);
	return outcome;
}

static enum outcome from_json(const struct call *call, json_t **ret_input)
{
	const char *path = call_text(call, "input");
	struct problems problems = {.n = 0};
	struct buf text;
	enum outcome outcome;

	buf_init(&text, PROMPT_MAX_BYTES);
	outcome = source_read(call, path, &text);
	if (outcome == OUTCOME_OK && json_read(text.bytes ? text.bytes : "", text.len, INPUT_DEPTH,
					     &problems, ret_input) != ERR_OK)
		outcome = call_usage(call, "%s: %s", path,
			problems.n > 0 ? problems.list[0].detail : "not JSON");
	buf_clear(&text);
	return outcome;
}

static enum outcome put_input(const struct call *call, const char *model, json_t *job)
{
	const char *kind = call_text(call, "kind");
	json_t *input = NULL;
	enum outcome outcome;

	if (call_text(call, "model"))
		model = call_text(call, "model");
	if (call_text(call, "input"))
		outcome = from_json(call, &input);
	else if (kind && strcmp(kind, "noop") == 0 && call->n == 0)
		outcome = (input = json_object()) ? OUTCOME_OK : OUTCOME_FAILED;
	else if (!*model)
		outcome = call_usage(
			call, "name a model: --model MODEL, or a line model= in the profile");
	else
		outcome = from_words(call, model, &input);
	if (outcome == OUTCOME_OK && !kind)
		json_object_set_new(job, "kind", json_string(USUAL_KIND));
	if (outcome == OUTCOME_OK)
		json_object_set_new(job, "input", input);
	return outcome;
}

enum outcome prompt_job(const struct call *call, const char *model, json_t **ret_job)
{
	json_t *job = NULL;
	enum outcome outcome = prompt_settings(call, &job);

	if (outcome == OUTCOME_OK)
		outcome = put_input(call, model, job);
	if (outcome == OUTCOME_OK)
		*ret_job = json_incref(job);
	json_decref(job);
	return outcome;
}
