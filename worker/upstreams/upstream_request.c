#include "upstreams/upstream_request.h"

#include "domain/upstream_dialect.h"

#include <stdlib.h>
#include <string.h>

enum { CHANGES_MAX = 3, NUMBER_MAX = 24, OUTPUT_LIMIT = 1 << 30 };

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

/* The member's number; 0 = there is none. Numbers of a checked text end where it goes on. */
static int64_t number_of(struct json_text input, const char *name)
{
	struct json_text value;
	char text[NUMBER_MAX];

	if (!json_text_member(input, name, &value) || value.len >= sizeof(text))
		return 0;
	memcpy(text, value.at, value.len);
	text[value.len] = '\0';
	return strtoll(text, NULL, 10);
}

int64_t upstream_output_max(struct json_text input)
{
	static const char *const names[] = {
		"max_tokens", "max_completion_tokens", "max_output_tokens"};
	const int64_t choices = number_of(input, "n");
	int64_t most = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && most <= 0; i++)
		most = number_of(input, names[i]);
	if (most <= 0 || most > OUTPUT_LIMIT || choices > OUTPUT_LIMIT)
		return 0;
	return choices > 1 ? most * choices : most;
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
