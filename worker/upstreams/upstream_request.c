#include "upstreams/upstream_request.h"

#include "domain/upstream_dialect.h"

#include <string.h>

enum { CHANGES_MAX = 3 };

/* A member to set, and the text of its value. */
struct change {
	const char *name, *value;
};

static bool is_true(struct json_text value)
{
	return value.len == 4 && memcmp(value.at, "true", 4) == 0;
}

/* Is the member a string that says just this? */
static bool says(struct json_text input, const char *name, struct json_text quoted)
{
	struct json_text value;

	return json_text_member(input, name, &value) && value.len == quoted.len &&
	       memcmp(value.at, quoted.at, quoted.len) == 0;
}

static size_t stream_changes(const struct upstream *up, const struct reply_kind *kind,
	struct json_text input, struct change *changes)
{
	struct json_text stream, options;
	const bool said = json_text_member(input, "stream", &stream);
	const bool add = !said && kind->event && up->config->stream;
	size_t n = 0;

	if (add)
		changes[n++] = (struct change){"stream", "true"};
	if (kind->usage_asked && (add || (said && is_true(stream))) &&
		!json_text_member(input, "stream_options", &options))
		changes[n++] = (struct change){"stream_options", "{\"include_usage\":true}"};
	return n;
}

/* One change after the other, each on the text that the last one made. */
static enum err changes_make(
	struct json_text input, const struct change *changes, size_t n, struct buf *out)
{
	struct buf text, next;
	enum err e;

	if (n == 0)
		return buf_append(out, input.at, input.len);
	buf_init(&text, out->max);
	e = buf_append(&text, input.at, input.len);
	for (size_t i = 0; i < n && !e; i++) {
		buf_init(&next, out->max);
		e = json_text_set((struct json_text){text.bytes, text.len}, changes[i].name,
			changes[i].value, &next);
		buf_clear(&text);
		text = next;
	}
	if (!e)
		e = buf_append(out, text.bytes, text.len);
	buf_clear(&text);
	return e;
}

enum err upstream_body(const struct upstream *up, const struct reply_kind *kind, const char *model,
	struct json_text input, struct buf *out)
{
	struct change changes[CHANGES_MAX];
	size_t n = stream_changes(up, kind, input, changes);
	struct buf quoted;
	enum err e = ERR_OK;

	buf_init(&quoted, out->max);
	if (model)
		e = buf_json(&quoted, model, strlen(model));
	if (model && !e && !says(input, "model", (struct json_text){quoted.bytes, quoted.len}))
		changes[n++] = (struct change){"model", quoted.bytes};
	if (!e)
		e = changes_make(input, changes, n, out);
	buf_clear(&quoted);
	return e;
}

enum err upstream_url(const struct upstream *up, const char *path, struct buf *out)
{
	size_t len = strlen(up->config->base_url);

	while (len && up->config->base_url[len - 1] == '/')
		len--;
	buf_append(out, up->config->base_url, len);
	return buf_text(out, path);
}

void upstream_headers(const struct upstream_key *key, const char *ret_headers[UPSTREAM_HEADERS])
{
	const struct upstream_dialect *dialect =
		upstream_dialect_find(key->upstream->config->dialect);
	size_t n = 0;

	if (key->header)
		ret_headers[n++] = key->header;
	if (dialect->version)
		ret_headers[n++] = dialect->version;
	ret_headers[n] = NULL;
}
