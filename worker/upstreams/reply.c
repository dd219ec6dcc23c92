#include "upstreams/reply.h"

#include "upstreams/outcome.h"

#include <string.h>

enum { DEPTH_MAX = 64, EVENT_MAX = 4 << 20, ERROR_BODY_MAX = 64 << 10 };

/* ---- chat: POST /chat/completions ---- */

static bool says_error(const char *data, size_t len)
{
	return memmem(data, len, "\"error\"", 7) != NULL;
}

/* An error inside HTTP 200: its text is kept as an error body's is. */
static enum err event_error(struct reply *r, const json_t *error, const char *data, size_t len)
{
	buf_reset(&r->body);
	buf_append(&r->body, data, len < ERROR_BODY_MAX ? len : ERROR_BODY_MAX);
	return outcome_of_error(0, error);
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
	e = error && !json_is_null(error) ? event_error(r, error, data, len) : ERR_OK;
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
	return e;
}

static enum err chat_finish(const struct reply *r, struct buf *out)
{
	return chat_reply_finish(&r->chat, out);
}

/* ---- response: POST /responses ---- */

static void usage_read(struct reply *r, const json_t *usage)
{
	static const char *const in[] = {"prompt_tokens", "input_tokens"};
	static const char *const out[] = {"completion_tokens", "output_tokens"};

	for (size_t i = 0; i < 2; i++) {
		const json_t *a = json_object_get(usage, in[i]);
		const json_t *b = json_object_get(usage, out[i]);

		if (json_is_integer(a))
			r->input_tokens = json_integer_value(a);
		if (json_is_integer(b))
			r->output_tokens = json_integer_value(b);
	}
}

static enum err response_end(struct reply *r, const json_t *root)
{
	const json_t *response = json_object_get(root, "response");

	if (!json_is_object(response))
		return ERR_UP_MALFORMED;
	r->ended = true;
	usage_read(r, json_object_get(response, "usage"));
	buf_reset(&r->body);
	return json_write(response, &r->body);
}

static enum err response_typed(struct reply *r, const json_t *root, const char *data, size_t len)
{
	const char *type = json_string_value(json_object_get(root, "type"));
	const json_t *delta = json_object_get(root, "delta");
	const json_t *response = json_object_get(root, "response");

	if (!type)
		return ERR_UP_MALFORMED;
	if (strcmp(type, "response.output_text.delta") == 0 && json_is_string(delta))
		return r->filter(
			r->owner, 0, json_string_value(delta), json_string_length(delta), &r->text);
	if (strcmp(type, "response.completed") == 0 || strcmp(type, "response.incomplete") == 0)
		return response_end(r, root);
	if (strcmp(type, "response.failed") == 0)
		return event_error(r, json_object_get(response, "error"), data, len);
	if (strcmp(type, "error") == 0)
		return event_error(r, root, data, len);
	return ERR_OK;
}

static enum err response_event(struct reply *r, const char *data, size_t len)
{
	struct problems problems = {.n = 0};
	json_t *root;
	enum err e;

	if (len == 6 && memcmp(data, "[DONE]", 6) == 0)
		return ERR_OK;
	if (json_read(data, len, DEPTH_MAX, &problems, &root) != ERR_OK)
		return ERR_UP_MALFORMED;
	e = response_typed(r, root, data, len);
	json_decref(root);
	return e;
}

static enum err response_finish(const struct reply *r, struct buf *out)
{
	return buf_append(out, r->body.bytes, r->body.len);
}

/* ---- every kind ---- */

static const struct reply_kind kinds[] = {
	{"chat", "/chat/completions", true, true, chat_event, chat_finish},
	{"response", "/responses", true, false, response_event, response_finish},
	{"embedding", "/embeddings", false, false, NULL, NULL},
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
	buf_init(&r->text, max);
	buf_init(&r->body, max);
}

void reply_clear(struct reply *r)
{
	sse_clear(&r->sse);
	chat_reply_clear(&r->chat);
	buf_clear(&r->text);
	buf_clear(&r->body);
}

void reply_begin(struct reply *r, int status, bool event_stream)
{
	r->status = status;
	r->is_stream = event_stream && status >= 200 && status < 300 && r->kind->event;
}

static enum err on_event(void *owner, const char *data, size_t len)
{
	struct reply *r = owner;

	return r->ended ? ERR_OK : r->kind->event(r, data, len);
}

enum err reply_feed(struct reply *r, const char *bytes, size_t len)
{
	const bool success = r->status >= 200 && r->status < 300;
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

/* A body that came whole is kept as it came, once it is known to be a JSON object and no error. */
static enum err whole_finish(struct reply *r, struct buf *out)
{
	struct problems problems = {.n = 0};
	const json_t *error;
	json_t *root;
	enum err e = json_read(
		r->body.bytes ? r->body.bytes : "", r->body.len, DEPTH_MAX, &problems, &root);

	if (e)
		return e == ERR_NOMEM ? e : ERR_UP_MALFORMED;
	error = json_object_get(root, "error");
	if (error && !json_is_null(error)) {
		e = outcome_of_error(0, error);
	} else if (json_is_object(root)) {
		usage_read(r, json_object_get(root, "usage"));
		e = buf_append(out, r->body.bytes, r->body.len);
	} else {
		e = ERR_UP_MALFORMED;
	}
	json_decref(root);
	return e;
}

enum err reply_finish(struct reply *r, struct buf *out)
{
	if (!r->is_stream)
		return whole_finish(r, out);
	return r->ended ? r->kind->finish(r, out) : ERR_UP_TRUNCATED;
}

const struct buf *reply_text(const struct reply *r)
{
	return r->text.len ? &r->text : chat_reply_text(&r->chat);
}
