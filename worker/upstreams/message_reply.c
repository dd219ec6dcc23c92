#include "upstreams/message_reply.h"

#include "upstreams/reply.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 64 };

void message_reply_init(struct message_reply *m, size_t max)
{
	*m = (struct message_reply){.max = max};
	json_merge_init(&m->merge, max);
}

void message_reply_clear(struct message_reply *m)
{
	for (size_t i = 0; i < m->blocks_n; i++) {
		json_decref(m->blocks[i].object);
		buf_clear(&m->blocks[i].joined);
	}
	free(m->blocks);
	json_decref(m->message);
	json_merge_clear(&m->merge);
	message_reply_init(m, m->max);
}

/* ---- blocks ---- */

static enum err block_add(struct reply *r, json_t *object)
{
	struct message_reply *m = &r->message;
	struct message_block *blocks;

	if (!json_is_object(object) || m->blocks_n == MESSAGE_BLOCKS_MAX)
		return ERR_UP_MALFORMED;
	blocks = realloc(m->blocks, (m->blocks_n + 1) * sizeof(*blocks));
	if (!blocks)
		return ERR_NOMEM;
	m->blocks = blocks;
	blocks[m->blocks_n] = (struct message_block){
		.object = json_incref(object), .text_from = r->text.len, .text_to = r->text.len};
	buf_init(&blocks[m->blocks_n++].joined, m->max);
	return ERR_OK;
}

/* Only the last block grows. */
static struct message_block *block_of(struct message_reply *m, const json_t *root)
{
	const json_t *index = json_object_get(root, "index");

	if (!m->blocks_n || !json_is_integer(index) ||
		json_integer_value(index) != (json_int_t)m->blocks_n - 1)
		return NULL;
	return &m->blocks[m->blocks_n - 1];
}

static enum err block_text(struct reply *r, struct message_block *block, const json_t *text)
{
	enum err e;

	if (!json_is_string(text))
		return ERR_UP_MALFORMED;
	block->has_text = true;
	r->written += json_string_length(text);
	e = json_string_length(text) ? r->filter(r->owner, 0, json_string_value(text),
					       json_string_length(text), &r->text)
				     : ERR_OK;
	block->text_to = r->text.len;
	return e == ERR_TOO_LARGE ? ERR_UP_TOO_LARGE : e;
}

/* A text block's start may hold its first text already. */
static enum err block_start(struct reply *r, const json_t *root)
{
	json_t *object = json_object_get(root, "content_block");
	const json_t *index = json_object_get(root, "index");
	const char *type = json_string_value(json_object_get(object, "type"));
	enum err e;

	if (!r->message.message || !type || !json_is_integer(index) ||
		json_integer_value(index) != (json_int_t)r->message.blocks_n)
		return ERR_UP_MALFORMED;
	e = block_add(r, object);
	if (!e && strcmp(type, "text") == 0)
		e = block_text(r, &r->message.blocks[r->message.blocks_n - 1],
			json_object_get(object, "text"));
	return e;
}

/* ---- deltas ---- */

static enum err block_join(
	struct reply *r, struct message_block *block, const char *member, const json_t *piece)
{
	enum err e;

	if (!json_is_string(piece) || (block->member && block->member != member))
		return ERR_UP_MALFORMED;
	block->member = member;
	r->written += json_string_length(piece);
	e = buf_append(&block->joined, json_string_value(piece), json_string_length(piece));
	return e == ERR_TOO_LARGE ? ERR_UP_TOO_LARGE : e;
}

static enum err delta_text(struct reply *r, struct message_block *block, const json_t *piece)
{
	return block_text(r, block, piece);
}

static enum err delta_input(struct reply *r, struct message_block *block, const json_t *piece)
{
	return block_join(r, block, "input", piece);
}

static enum err delta_thinking(struct reply *r, struct message_block *block, const json_t *piece)
{
	return block_join(r, block, "thinking", piece);
}

static enum err delta_signature(struct reply *r, struct message_block *block, const json_t *piece)
{
	return json_object_set(block->object, "signature", (json_t *)piece) ? ERR_NOMEM : ERR_OK;
}

static enum err delta_citation(struct reply *r, struct message_block *block, const json_t *piece)
{
	json_t *citations = json_object_get(block->object, "citations");

	if (json_is_array(citations))
		return json_array_append(citations, (json_t *)piece) ? ERR_NOMEM : ERR_OK;
	citations = json_pack("[O]", piece);
	return json_object_set_new(block->object, "citations", citations) ? ERR_NOMEM : ERR_OK;
}

static const struct {
	const char *type, *member;
	enum err (*take)(struct reply *r, struct message_block *block, const json_t *piece);
} deltas[] = {
	{"text_delta", "text", delta_text},
	{"input_json_delta", "partial_json", delta_input},
	{"thinking_delta", "thinking", delta_thinking},
	{"signature_delta", "signature", delta_signature},
	{"citations_delta", "citation", delta_citation},
};

/* A delta nobody knows: its members grow as any streamed member does. */
static enum err delta_unknown(struct json_merge *merge, struct message_block *block, json_t *delta)
{
	json_object_del(delta, "type");
	return json_merge_object(merge, block->object, delta);
}

static enum err block_delta(struct reply *r, const json_t *root)
{
	struct message_block *block = block_of(&r->message, root);
	json_t *delta = json_object_get(root, "delta");
	const char *type = json_string_value(json_object_get(delta, "type"));

	if (!block || !type)
		return ERR_UP_MALFORMED;
	for (size_t i = 0; i < sizeof(deltas) / sizeof(deltas[0]); i++) {
		const json_t *piece = json_object_get(delta, deltas[i].member);

		if (strcmp(deltas[i].type, type) == 0)
			return piece ? deltas[i].take(r, block, piece) : ERR_UP_MALFORMED;
	}
	return delta_unknown(&r->message.merge, block, delta);
}

/* ---- the message ---- */

/* The first usage counts the input; its output is only a beginning. */
static enum err message_start(struct reply *r, const json_t *root)
{
	json_t *message = json_object_get(root, "message");

	if (!json_is_object(message) || r->message.message)
		return ERR_UP_MALFORMED;
	r->message.message = json_incref(message);
	reply_usage(r, json_object_get(message, "usage"));
	r->output_tokens = -1;
	return ERR_OK;
}

/* Counts are totals so far, and a member that is not said again keeps its value. */
static enum err usage_update(json_t *message, const json_t *usage)
{
	json_t *had = json_object_get(message, "usage");
	const char *name;
	json_t *value;

	if (!json_is_object(had))
		return json_object_set(message, "usage", (json_t *)usage) ? ERR_NOMEM : ERR_OK;
	json_object_foreach((json_t *)usage, name, value)
	{
		if (!json_is_null(value) && json_object_set(had, name, value))
			return ERR_NOMEM;
	}
	return ERR_OK;
}

static enum err message_delta(struct reply *r, const json_t *root)
{
	json_t *message = r->message.message, *delta = json_object_get(root, "delta");
	const json_t *usage = json_object_get(root, "usage");
	enum err e = ERR_OK;

	if (!message)
		return ERR_UP_MALFORMED;
	if (json_is_object(delta) && json_object_update(message, delta))
		return ERR_NOMEM;
	if (json_is_object(usage)) {
		e = usage_update(message, usage);
		reply_usage(r, json_object_get(message, "usage"));
	}
	return e;
}

static enum err message_stop(struct reply *r, const json_t *root)
{
	(void)root;
	r->ended = r->message.message != NULL;
	return r->ended ? json_merge_end(&r->message.merge) : ERR_UP_MALFORMED;
}

static const struct {
	const char *type;
	enum err (*take)(struct reply *r, const json_t *root);
} events[] = {
	{"message_start", message_start},
	{"content_block_start", block_start},
	{"content_block_delta", block_delta},
	{"message_delta", message_delta},
	{"message_stop", message_stop},
};

enum err message_reply_event(struct reply *r, const char *data, size_t len)
{
	const char *type;
	json_t *root;
	enum err e = reply_event_read(data, len, &root, &type);

	if (e)
		return e;
	if (strcmp(type, "error") == 0)
		e = reply_event_error(r, json_object_get(root, "error"), data, len);
	for (size_t i = 0; !e && i < sizeof(events) / sizeof(events[0]); i++)
		if (strcmp(events[i].type, type) == 0)
			e = events[i].take(r, root);
	json_decref(root);
	return e;
}

/* ---- the whole object ---- */

/* What a tool is called with. A model that ran out of tokens leaves it unfinished: then it is kept
 * as the text it is, under the name that Anthropic proposes for such. */
static json_t *input_value(const struct buf *joined)
{
	struct problems problems = {.n = 0};
	json_t *value = NULL;

	if (json_read(joined->bytes, joined->len, DEPTH_MAX, &problems, &value) == ERR_OK)
		return value;
	return json_pack("{s:s#}", "INVALID_JSON", joined->bytes, (int)joined->len);
}

static enum err block_close(const struct message_block *block, const struct buf *text)
{
	json_t *value;

	if (block->has_text) {
		value = json_stringn_nocheck(text->bytes ? text->bytes + block->text_from : "",
			block->text_to - block->text_from);
		if (json_object_set_new(block->object, "text", value))
			return ERR_NOMEM;
	}
	if (!block->joined.len)
		return ERR_OK;
	value = strcmp(block->member, "input") == 0
			? input_value(&block->joined)
			: json_stringn_nocheck(block->joined.bytes, block->joined.len);
	return json_object_set_new(block->object, block->member, value) ? ERR_NOMEM : ERR_OK;
}

enum err message_reply_finish(const struct reply *r, struct buf *out)
{
	const struct message_reply *m = &r->message;
	json_t *content = json_array();
	enum err e = content ? ERR_OK : ERR_NOMEM;

	for (size_t i = 0; i < m->blocks_n && !e; i++) {
		e = block_close(&m->blocks[i], &r->text);
		if (!e && json_array_append(content, m->blocks[i].object))
			e = ERR_NOMEM;
	}
	if (!e && json_object_set(m->message, "content", content))
		e = ERR_NOMEM;
	json_decref(content);
	return e ? e : json_write(m->message, out);
}
