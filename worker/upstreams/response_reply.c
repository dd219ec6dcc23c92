#include "upstreams/response_reply.h"

#include <string.h>

/* Of text, and of what else a model writes: refusals, reasons, a tool's arguments. */
static bool is_delta(const char *type)
{
	const size_t len = strlen(type);

	return len > 6 && strcmp(type + len - 6, ".delta") == 0;
}

static enum err response_text(struct reply *r, const json_t *root)
{
	const json_t *delta = json_object_get(root, "delta");

	if (!json_is_string(delta))
		return ERR_OK;
	return r->filter(
		r->owner, 0, json_string_value(delta), json_string_length(delta), &r->text);
}

static enum err response_end(struct reply *r, const json_t *root)
{
	const json_t *response = json_object_get(root, "response");

	if (!json_is_object(response))
		return ERR_UP_MALFORMED;
	r->ended = true;
	reply_usage(r, json_object_get(response, "usage"));
	buf_reset(&r->body);
	return json_write(response, &r->body);
}

/* A failed response used tokens all the same. */
static enum err response_failed(struct reply *r, const json_t *root, const char *data, size_t len)
{
	const json_t *response = json_object_get(root, "response");

	reply_usage(r, json_object_get(response, "usage"));
	return reply_event_error(r, json_object_get(response, "error"), data, len);
}

static enum err response_typed(
	struct reply *r, const char *type, const json_t *root, const char *data, size_t len)
{
	if (is_delta(type))
		r->written += json_string_length(json_object_get(root, "delta"));
	if (strcmp(type, "response.output_text.delta") == 0)
		return response_text(r, root);
	if (strcmp(type, "response.completed") == 0 || strcmp(type, "response.incomplete") == 0)
		return response_end(r, root);
	if (strcmp(type, "response.failed") == 0)
		return response_failed(r, root, data, len);
	if (strcmp(type, "error") == 0)
		return reply_event_error(r, root, data, len);
	return ERR_OK;
}

enum err response_reply_event(struct reply *r, const char *data, size_t len)
{
	const char *type;
	json_t *root;
	enum err e;

	if (len == 6 && memcmp(data, "[DONE]", 6) == 0)
		return ERR_OK;
	e = reply_event_read(data, len, &root, &type);
	if (e)
		return e;
	e = response_typed(r, type, root, data, len);
	json_decref(root);
	return e;
}

enum err response_reply_finish(const struct reply *r, struct buf *out)
{
	return buf_append(out, r->body.bytes, r->body.len);
}
