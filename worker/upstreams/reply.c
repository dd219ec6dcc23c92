#include "upstreams/reply.h"

#include "domain/money.h"
#include "ports/http.h"
#include "upstreams/outcome.h"
#include "upstreams/response_reply.h"
#include "upstreams/written.h"

#include <string.h>

enum { DEPTH_MAX = 64, EVENT_MAX = 4 << 20, ERROR_BODY_MAX = 64 << 10 };

/* ---- chat: POST /chat/completions ---- */

static bool says_error(const char *data, size_t len)
{
	return memmem(data, len, "\"error\"", 7) != NULL;
}

/* ERR_OK when the event holds no error. */
static enum err event_check(struct reply *r, const char *data, size_t len)
{
	struct problems problems = {.n = 0};
	json_t *root;
	const json_t *error;
	enum err e;

	if (!says_error(data, len))
		return ERR_OK;
	if (json_read(data, len, DEPTH_MAX, &problems, &root) != ERR_OK)
		return ERR_UP_MALFORMED;
	error = json_object_get(root, "error");
	e = error && !json_is_null(error) ? reply_event_error(r, error, data, len) : ERR_OK;
	json_decref(root);
	return e;
}

static enum err chat_event(struct reply *r, const char *data, size_t len)
{
	enum err e;

	if (len == 6 && memcmp(data, "[DONE]", 6) == 0) {
		r->ended = true;
		return chat_reply_end(&r->chat);
	}
	e = event_check(r, data, len);
	if (!e)
		e = chat_reply_chunk(&r->chat, data, len, r->filter, r->owner);
	r->input_tokens = r->chat.input_tokens;
	r->output_tokens = r->chat.output_tokens;
	r->written = r->chat.written;
	return e;
}

static enum err chat_finish(const struct reply *r, struct buf *out)
{
	return chat_reply_finish(&r->chat, out);
}

/* ---- what the rows' files share ---- */

enum err reply_event_error(struct reply *r, const json_t *error, const char *data, size_t len)
{
	buf_reset(&r->body);
	buf_append(&r->body, data, len < ERROR_BODY_MAX ? len : ERROR_BODY_MAX);
	return outcome_of_error(0, error);
}

enum err reply_event_read(const char *data, size_t len, json_t **ret_root, const char **ret_type)
{
	struct problems problems = {.n = 0};
	json_t *root = NULL;
	const char *type;
	enum err e = json_read(data, len, DEPTH_MAX, &problems, &root);

	if (e)
		return e == ERR_NOMEM ? e : ERR_UP_MALFORMED;
	type = json_string_value(json_object_get(root, "type"));
	if (!type) {
		json_decref(root);
		return ERR_UP_MALFORMED;
	}
	*ret_root = root;
	*ret_type = type;
	return ERR_OK;
}

/* The sum of those members that are there; -1 when none is. */
static int64_t usage_sum(const json_t *usage, const char *const *names)
{
	int64_t sum = -1;

	for (; *names; names++) {
		const json_t *value = json_object_get(usage, *names);

		if (json_is_integer(value) && json_integer_value(value) >= 0)
			sum = money_add(sum < 0 ? 0 : sum, json_integer_value(value));
	}
	return sum;
}

void reply_usage(struct reply *r, const json_t *usage)
{
	/* prompt_tokens holds the cached ones; beside it gateways repeat them in Anthropic's words.
	 */
	static const char *const prompt[] = {"prompt_tokens", NULL};
	static const char *const in[] = {
		"input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", NULL};
	static const char *const out[] = {"completion_tokens", "output_tokens", NULL};
	const int64_t whole = usage_sum(usage, prompt), output = usage_sum(usage, out);
	const int64_t input = whole >= 0 ? whole : usage_sum(usage, in);

	if (input >= 0)
		r->input_tokens = input;
	if (output >= 0)
		r->output_tokens = output;
}

/* ---- every kind ---- */

static const struct reply_kind kinds[] = {
	{"chat", true, chat_event, chat_finish, "choices"},
	{"response", false, response_reply_event, response_reply_finish, "output"},
	{"message", false, message_reply_event, message_reply_finish, "content"},
	{"embedding", false, NULL, NULL, NULL},
};

const struct reply_kind *reply_kind_find(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

void reply_init(struct reply *r, const struct reply_kind *kind, size_t max)
{
	*r = (struct reply){.kind = kind, .max = max, .input_tokens = -1, .output_tokens = -1};
	sse_init(&r->sse, max < EVENT_MAX ? max : EVENT_MAX);
	chat_reply_init(&r->chat, max);
	message_reply_init(&r->message, max);
	buf_init(&r->text, max);
	buf_init(&r->body, max);
}

void reply_clear(struct reply *r)
{
	sse_clear(&r->sse);
	chat_reply_clear(&r->chat);
	message_reply_clear(&r->message);
	buf_clear(&r->text);
	buf_clear(&r->body);
}

void reply_begin(struct reply *r, int status, bool event_stream)
{
	r->status = status;
	r->is_stream = event_stream && http_succeeded(status) && r->kind->event;
}

static enum err on_event(void *owner, const char *data, size_t len)
{
	struct reply *r = owner;

	return r->ended ? ERR_OK : r->kind->event(r, data, len);
}

enum err reply_feed(struct reply *r, const char *bytes, size_t len)
{
	const bool success = http_succeeded(r->status);
	enum err e;

	if (!success && len > ERROR_BODY_MAX - r->body.len)
		len = ERROR_BODY_MAX - r->body.len;
	r->bytes += len;
	if (r->bytes > r->max)
		return ERR_UP_TOO_LARGE;
	e = r->is_stream ? sse_feed(&r->sse, bytes, len, on_event, r)
			 : buf_append(&r->body, bytes, len);
	return e == ERR_TOO_LARGE ? ERR_UP_TOO_LARGE : e;
}

/* An error in a body that calls itself a success; the body stays, for its words. */
static enum err whole_check(struct reply *r, const json_t *root)
{
	const json_t *error = json_object_get(root, "error");

	if (!json_is_object(root))
		return ERR_UP_MALFORMED;
	reply_usage(r, json_object_get(root, "usage"));
	if (r->input_tokens >= 0 && r->output_tokens < 0)
		r->output_tokens = 0; /* an embedding's usage has no output */
	if (r->kind->answer)
		r->written = written_in(r->kind->answer, json_object_get(root, r->kind->answer));
	return json_is_object(error) || json_is_string(error) ? outcome_of_error(0, error) : ERR_OK;
}

/* A body that came whole is kept as it came, once it is known to be a JSON object. */
static enum err whole_finish(struct reply *r, struct buf *out)
{
	struct problems problems = {.n = 0};
	json_t *root;
	enum err e = json_read(
		r->body.bytes ? r->body.bytes : "", r->body.len, DEPTH_MAX, &problems, &root);

	if (e)
		return e == ERR_NOMEM ? e : ERR_UP_MALFORMED;
	e = whole_check(r, root);
	if (!e)
		e = buf_append(out, r->body.bytes, r->body.len);
	json_decref(root);
	return e;
}

enum err reply_finish(struct reply *r, struct buf *out)
{
	if (!r->is_stream)
		return whole_finish(r, out);
	return r->ended ? r->kind->finish(r, out) : ERR_UP_TRUNCATED;
}

size_t reply_bytes(const struct reply *r)
{
	return r->sse.line.room + r->sse.data.room + r->text.room + r->body.room +
	       chat_reply_bytes(&r->chat);
}

const struct buf *reply_text(const struct reply *r)
{
	return r->text.len ? &r->text : chat_reply_text(&r->chat);
}
