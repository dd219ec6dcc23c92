#include "upstreams/delta_memo.h"

#include "upstreams/json_text.h"

#include <string.h>

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

/* The content's string in {"choices":[{"delta":{"content":"..."}}]}, behind its opening quote; NULL
 * when the walk does not find one. The text was parsed, so names are unique. */
static const char *content_start(const char *data, size_t len)
{
	const struct json_text root = {data, len};
	struct json_text at;

	if (!json_text_member(root, "choices", &at) || !json_text_first(at, &at) ||
		!json_text_member(at, "delta", &at) || !json_text_member(at, "content", &at))
		return NULL;
	return at.len >= 2 && *at.at == '"' ? at.at + 1 : NULL;
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
	if (buf_err(&m->around))
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
