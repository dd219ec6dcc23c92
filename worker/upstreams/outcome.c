#include "upstreams/outcome.h"

#include "ground/utf8.h"

#include <string.h>

enum { DEPTH_MAX = 64, KEY_LEN_MIN = 16 };

static const struct {
	int status;
	enum err err;
} by_status[] = {
	{401, ERR_UP_AUTH},
	{402, ERR_UP_QUOTA},
	{403, ERR_UP_AUTH},
	{408, ERR_UP_408},
	{409, ERR_UP_409},
	{425, ERR_UP_425},
	{429, ERR_UP_RATE},
	{500, ERR_UP_500},
	{502, ERR_UP_502},
	{503, ERR_UP_503},
	{504, ERR_UP_504},
	{529, ERR_UP_529},
};

/* What "code" or "type" of an error body may say, whatever the status. */
static const struct {
	const char *word;
	enum err err;
} by_word[] = {
	/* OpenAI's */
	{"insufficient_quota", ERR_UP_QUOTA},
	{"billing_hard_limit_reached", ERR_UP_QUOTA},
	{"content_filter", ERR_UP_FILTERED},
	{"content_policy_violation", ERR_UP_FILTERED},
	{"invalid_api_key", ERR_UP_AUTH},
	{"rate_limit_exceeded", ERR_UP_RATE},
	{"context_length_exceeded", ERR_UP_REJECTED},
	{"invalid_prompt", ERR_UP_REJECTED},
	{"server_error", ERR_UP_500},
	/* both */
	{"invalid_request_error", ERR_UP_REJECTED},
	/* Anthropic's */
	{"authentication_error", ERR_UP_AUTH},
	{"permission_error", ERR_UP_AUTH},
	{"billing_error", ERR_UP_QUOTA},
	{"rate_limit_error", ERR_UP_RATE},
	{"not_found_error", ERR_UP_REJECTED},
	{"request_too_large", ERR_UP_REJECTED},
	{"timeout_error", ERR_UP_504},
	{"overloaded_error", ERR_UP_529},
	{"api_error", ERR_UP_500},
};

static enum err status_err(int status)
{
	for (size_t i = 0; i < sizeof(by_status) / sizeof(by_status[0]); i++)
		if (by_status[i].status == status)
			return by_status[i].err;
	if (status == 0 || status >= 500)
		return ERR_UP_500;
	return ERR_UP_REJECTED;
}

static enum err word_err(const char *word)
{
	for (size_t i = 0; word && i < sizeof(by_word) / sizeof(by_word[0]); i++)
		if (strcmp(by_word[i].word, word) == 0)
			return by_word[i].err;
	return ERR_OK;
}

enum err outcome_of_error(int status, const json_t *error)
{
	const json_t *status_said = json_object_get(error, "status");
	enum err e = word_err(json_string_value(json_object_get(error, "code")));

	if (e)
		return e;
	/* A status that names its row is more exact than a type such as invalid_request_error. */
	if (status && status_err(status) != ERR_UP_REJECTED)
		return status_err(status);
	e = word_err(json_string_value(json_object_get(error, "type")));
	if (e)
		return e;
	if (!status && json_is_integer(json_object_get(error, "code")))
		status_said = json_object_get(error, "code");
	if (!status && json_is_integer(status_said))
		status = (int)json_integer_value(status_said);
	return status_err(status);
}

enum err outcome_of_status(int status, const char *body, size_t len)
{
	struct problems problems = {.n = 0};
	json_t *root = NULL;
	enum err e;

	if (json_read(body ? body : "", len, DEPTH_MAX, &problems, &root) != ERR_OK)
		return status_err(status);
	e = outcome_of_error(status, json_object_get(root, "error"));
	json_decref(root);
	return e;
}

/* ---- the upstream's words ---- */

static bool key_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c == '.' || c == '*' || c == '+' || c == '/' || c == '=';
}

/* Long, and with a digit or a known beginning: a key, or something nobody misses in a message. */
static bool looks_like_key(const char *word, size_t len)
{
	bool digit = false, upper = false, lower = false;

	if (len >= 8 && (memcmp(word, "sk-", 3) == 0 || memcmp(word, "lh_", 3) == 0))
		return true;
	for (size_t i = 0; i < len; i++) {
		digit = digit || (word[i] >= '0' && word[i] <= '9');
		upper = upper || (word[i] >= 'A' && word[i] <= 'Z');
		lower = lower || (word[i] >= 'a' && word[i] <= 'z');
	}
	return len >= KEY_LEN_MIN && digit && (upper || lower) && memchr(word, '/', len) == NULL &&
	       (len >= 24 || (upper && lower));
}

static void scrub(char *text, size_t len)
{
	for (size_t at = 0; at < len;) {
		size_t end = at;

		while (end < len && key_char(text[end]))
			end++;
		if (end > at && looks_like_key(text + at, end - at))
			memset(text + at, '*', end - at);
		at = end + 1;
	}
}

/* Appends text with what is no UTF-8 replaced. */
static void append_clean(struct buf *out, const char *text, size_t len)
{
	while (len) {
		const size_t step = *text ? utf8_step(text, len) : 0;

		if (step)
			buf_append(out, text, step);
		else
			buf_char(out, '?');
		text += step ? step : 1;
		len -= step ? step : 1;
	}
}

static const char *message_of(const json_t *root)
{
	const json_t *error = json_object_get(root, "error");
	const json_t *response = json_object_get(root, "response");
	const char *said = json_string_value(json_object_get(error, "message"));

	if (!said)
		said = json_string_value(error);
	if (!said)
		said = json_string_value(
			json_object_get(json_object_get(response, "error"), "message"));
	if (!said)
		said = json_string_value(json_object_get(root, "message"));
	return said;
}

enum err outcome_words(const char *body, size_t len, size_t max, struct buf *out)
{
	struct problems problems = {.n = 0};
	const size_t from = out->len;
	json_t *root = NULL;
	const char *said = NULL;

	if (json_read(body ? body : "", len, DEPTH_MAX, &problems, &root) == ERR_OK)
		said = message_of(root);
	if (said) {
		body = said;
		len = strlen(said);
	}
	append_clean(out, body ? body : "", len < max ? len : max);
	json_decref(root);
	if (buf_err(out))
		return buf_err(out);
	if (out->len - from > max)
		out->len = from + utf8_cut(out->bytes + from, out->len - from, max);
	if (out->len > from)
		scrub(out->bytes + from, out->len - from);
	return ERR_OK;
}
