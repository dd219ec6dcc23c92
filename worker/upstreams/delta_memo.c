#include "upstreams/delta_memo.h"

#include "ports/json.h"
#include "upstreams/json_text.h"

#include <string.h>

enum { DEPTH_MAX = 16 };

void delta_memo_init(struct delta_memo *m)
{
	*m = (struct delta_memo){.choice = 0};
	buf_init(&m->around, DELTA_MEMO_BYTES_MAX);
}

void delta_memo_clear(struct delta_memo *m)
{
	buf_clear(&m->around);
	m->before_len = 0;
}

/* Behind the opening quote of the first "content" member's string, or NULL. */
static const char *content_start(const char *data, size_t len)
{
	static const char name[] = "\"content\"";
	const char *end = data + len;
	const char *at = memmem(data, len, name, sizeof(name) - 1);

	if (!at)
		return NULL;
	for (at += sizeof(name) - 1; at < end && (*at == ' ' || *at == ':'); at++)
		;
	return at < end && *at == '"' ? at + 1 : NULL;
}

static bool is_string(const json_t *value, const char *text, size_t len)
{
	return json_is_string(value) && json_string_length(value) == len &&
	       memcmp(json_string_value(value), text, len) == 0;
}

/* Is the string that was cut out really the delta's content? Another one is put there, and must
 * come back from there. */
static bool is_delta_content(const struct delta_memo *m)
{
	static const char probe[] = "delta memo probe";
	struct problems problems = {.n = 0};
	struct buf text;
	json_t *root = NULL;
	bool same = false;

	buf_init(&text, DELTA_MEMO_BYTES_MAX + sizeof(probe));
	buf_append(&text, m->around.bytes, m->before_len);
	buf_text(&text, probe);
	buf_append(&text, m->around.bytes + m->before_len, m->around.len - m->before_len);
	if (!buf_err(&text) &&
		json_read(text.bytes, text.len, DEPTH_MAX, &problems, &root) == ERR_OK) {
		const json_t *choice = json_array_get(json_object_get(root, "choices"), 0);

		same = is_string(json_object_get(json_object_get(choice, "delta"), "content"),
			probe, sizeof(probe) - 1);
	}
	json_decref(root);
	buf_clear(&text);
	return same;
}

void delta_memo_learn(struct delta_memo *m, const char *data, size_t len, int choice,
	const char *content, size_t content_len)
{
	const char *start = content_start(data, len);
	const char *after = NULL;
	struct buf said;

	if (!start || m->misses >= DELTA_MEMO_MISSES_MAX)
		return;
	m->misses++;
	delta_memo_clear(m);
	buf_init(&said, content_len + 1);
	if (json_text_string(start, data + len, &said, &after) != ERR_OK ||
		said.len != content_len || memcmp(said.bytes, content, content_len) != 0)
		goto out;
	if (len - content_len > DELTA_MEMO_BYTES_MAX)
		goto out;
	buf_init(&m->around, (size_t)(start - data) + (size_t)(data + len - after) + 1);
	buf_append(&m->around, data, (size_t)(start - data));
	buf_append(&m->around, after - 1, (size_t)(data + len - after) + 1);
	m->before_len = (size_t)(start - data);
	m->choice = choice;
	if (buf_err(&m->around) || !is_delta_content(m))
		delta_memo_clear(m);
out:
	buf_clear(&said);
}

bool delta_memo_match(
	struct delta_memo *m, const char *data, size_t len, struct buf *out, int *ret_choice)
{
	const size_t before = m->before_len, behind = m->around.len - before;
	const size_t was = out->len;
	const char *after = NULL;

	if (!before || len < m->around.len || memcmp(data, m->around.bytes, before) != 0 ||
		memcmp(data + len - behind, m->around.bytes + before, behind) != 0)
		return false;
	if (json_text_string(data + before, data + len, out, &after) != ERR_OK ||
		(size_t)(data + len - after) + 1 != behind) {
		out->len = was;
		out->err = ERR_OK;
		return false;
	}
	*ret_choice = m->choice;
	return true;
}
