#include "upstreams/chat_reply.h"

#include "upstreams/json_merge.h"
#include "upstreams/written.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 64, HEAD_MAX = 64 << 10, USAGE_MAX = 16 << 10 };

void chat_reply_init(struct chat_reply *c, size_t max)
{
	*c = (struct chat_reply){.max = max, .input_tokens = -1, .output_tokens = -1};
	buf_init(&c->head, HEAD_MAX);
	buf_init(&c->usage, USAGE_MAX);
	delta_memo_init(&c->memo);
	json_merge_init(&c->merge, max);
}

void chat_reply_clear(struct chat_reply *c)
{
	for (size_t i = 0; i < c->choices_n; i++) {
		buf_clear(&c->choices[i].content);
		json_decref(c->choices[i].message);
		json_decref(c->choices[i].logprobs);
	}
	free(c->choices);
	c->choices = NULL;
	c->choices_n = 0;
	buf_clear(&c->head);
	buf_clear(&c->usage);
	delta_memo_clear(&c->memo);
	json_merge_clear(&c->merge);
}

size_t chat_reply_bytes(const struct chat_reply *c)
{
	size_t bytes = c->head.room + c->usage.room + c->choices_n * sizeof(*c->choices);

	for (size_t i = 0; i < c->choices_n; i++)
		bytes += c->choices[i].content.room;
	return bytes;
}

const struct buf *chat_reply_text(const struct chat_reply *c)
{
	for (size_t i = 0; i < c->choices_n; i++)
		if (c->choices[i].index == 0)
			return &c->choices[i].content;
	return NULL;
}

static struct chat_choice *choice_find(struct chat_reply *c, int index)
{
	for (size_t i = 0; i < c->choices_n; i++)
		if (c->choices[i].index == index)
			return &c->choices[i];
	return NULL;
}

static enum err choice_at(struct chat_reply *c, int index, struct chat_choice **ret_choice)
{
	struct chat_choice *choices, *choice = choice_find(c, index);

	if (!choice) {
		if (c->choices_n == CHAT_CHOICES_MAX || index < 0)
			return ERR_UP_MALFORMED;
		choices = realloc(c->choices, (c->choices_n + 1) * sizeof(*choices));
		if (!choices)
			return ERR_NOMEM;
		c->choices = choices;
		choice = &choices[c->choices_n++];
		*choice = (struct chat_choice){.index = index};
		buf_init(&choice->content, c->max);
	}
	*ret_choice = choice;
	return ERR_OK;
}

static enum err choice_content(struct chat_choice *choice, const char *text, size_t len,
	reply_filter_fn *filter, void *owner)
{
	enum err e;

	choice->has_content = true;
	e = len ? filter(owner, choice->index, text, len, &choice->content) : ERR_OK;
	return e == ERR_TOO_LARGE ? ERR_UP_TOO_LARGE : e;
}

static enum err choice_member(
	struct json_merge *merge, struct chat_choice *choice, const char *name, json_t *value)
{
	if (json_is_null(value))
		return ERR_OK;
	if (!choice->message && strcmp(name, "role") == 0 && json_is_string(value) &&
		strcmp(json_string_value(value), "assistant") == 0)
		return ERR_OK;
	if (!choice->message)
		choice->message = json_object();
	return choice->message ? json_merge_member(merge, choice->message, name, value) : ERR_NOMEM;
}

static enum err choice_rest(
	struct json_merge *merge, struct chat_choice *choice, const json_t *from)
{
	const char *reason = json_string_value(json_object_get(from, "finish_reason"));
	json_t *logprobs = json_object_get(from, "logprobs");

	if (reason && strlen(reason) < CHAT_FINISH_MAX)
		strcpy(choice->finish_reason, reason);
	if (!json_is_object(logprobs))
		return ERR_OK;
	if (!choice->logprobs)
		choice->logprobs = json_object();
	return choice->logprobs ? json_merge_object(merge, choice->logprobs, logprobs) : ERR_NOMEM;
}

static enum err chunk_choice(
	struct chat_reply *c, const json_t *from, reply_filter_fn *filter, void *owner)
{
	json_t *delta = json_object_get(from, "delta"), *value;
	struct chat_choice *choice;
	const char *name;
	enum err e;

	if (!json_is_integer(json_object_get(from, "index")))
		return ERR_UP_MALFORMED;
	e = choice_at(c, (int)json_integer_value(json_object_get(from, "index")), &choice);
	if (e)
		return e;
	json_object_foreach(delta, name, value)
	{
		if (strcmp(name, "content") == 0 && json_is_string(value))
			e = choice_content(choice, json_string_value(value),
				json_string_length(value), filter, owner);
		else
			e = choice_member(&c->merge, choice, name, value);
		if (e)
			return e == ERR_TOO_LARGE ? ERR_UP_TOO_LARGE : e;
		c->written += written_in(name, value);
	}
	return choice_rest(&c->merge, choice, from);
}

static enum err chunk_usage(struct chat_reply *c, const json_t *usage)
{
	const json_t *in = json_object_get(usage, "prompt_tokens");
	const json_t *out = json_object_get(usage, "completion_tokens");

	if (!json_is_object(usage))
		return ERR_OK;
	if (json_is_integer(in))
		c->input_tokens = json_integer_value(in);
	if (json_is_integer(out))
		c->output_tokens = json_integer_value(out);
	buf_reset(&c->usage);
	return json_write(usage, &c->usage);
}

/* Nothing but one choice's content may differ in a chunk the memo learns from. */
static void chunk_learn(struct chat_reply *c, const char *data, size_t len, const json_t *root)
{
	const json_t *choices = json_object_get(root, "choices");
	const json_t *choice = json_array_get(choices, 0);
	const json_t *delta = json_object_get(choice, "delta");
	const json_t *content = json_object_get(delta, "content");

	if (json_array_size(choices) != 1 || json_object_size(delta) != 1 ||
		!json_is_string(content) || !json_string_length(content) ||
		json_is_string(json_object_get(choice, "finish_reason")) ||
		json_is_object(json_object_get(choice, "logprobs")) ||
		json_is_object(json_object_get(root, "usage")))
		return;
	delta_memo_learn(&c->memo, data, len,
		(int)json_integer_value(json_object_get(choice, "index")),
		json_string_value(content), json_string_length(content));
}

static enum err chunk_parsed(
	struct chat_reply *c, const json_t *root, reply_filter_fn *filter, void *owner)
{
	const json_t *choices = json_object_get(root, "choices");
	size_t i;
	const json_t *choice;
	enum err e = ERR_OK;

	if (!json_is_object(root) || (choices && !json_is_array(choices)))
		return ERR_UP_MALFORMED;
	json_array_foreach(choices, i, choice)
	{
		e = chunk_choice(c, choice, filter, owner);
		if (e)
			return e;
	}
	return chunk_usage(c, json_object_get(root, "usage"));
}

/* Appends the members of object, each followed by a comma, but for those named in without. */
static enum err members_write(const json_t *object, const char *const *without, struct buf *out)
{
	const char *name;
	json_t *value;
	enum err e;

	json_object_foreach((json_t *)object, name, value)
	{
		const char *const *skip = without;

		while (*skip && strcmp(*skip, name) != 0)
			skip++;
		if (*skip)
			continue;
		buf_json(out, name, strlen(name));
		buf_char(out, ':');
		e = json_write(value, out);
		if (e)
			return e;
		buf_char(out, ',');
	}
	return buf_err(out);
}

/* What the finished object says of itself is what the first chunk said. */
static enum err head_keep(struct chat_reply *c, const json_t *root)
{
	static const char *const ours[] = {"object", "choices", "usage", "obfuscation", NULL};

	return members_write(root, ours, &c->head);
}

static enum err chunk_full(
	struct chat_reply *c, const char *data, size_t len, reply_filter_fn *filter, void *owner)
{
	struct problems problems = {.n = 0};
	json_t *root;
	enum err e = json_read(data, len, DEPTH_MAX, &problems, &root);

	if (e)
		return e == ERR_NOMEM ? e : ERR_UP_MALFORMED;
	e = chunk_parsed(c, root, filter, owner);
	if (!e && !c->head.len)
		e = head_keep(c, root);
	if (!e)
		chunk_learn(c, data, len, root);
	json_decref(root);
	return e;
}

enum err chat_reply_chunk(
	struct chat_reply *c, const char *data, size_t len, reply_filter_fn *filter, void *owner)
{
	struct chat_choice *choice;
	struct buf text;
	int index;
	enum err e;

	if (!c->memo.before_len)
		return chunk_full(c, data, len, filter, owner);
	buf_init(&text, c->max);
	if (delta_memo_match(&c->memo, data, len, &text, &index)) {
		e = choice_at(c, index, &choice);
		if (!e)
			e = choice_content(choice, text.bytes, text.len, filter, owner);
		c->written += text.len;
	} else {
		e = chunk_full(c, data, len, filter, owner);
	}
	buf_clear(&text);
	return e;
}

/* ---- the whole object ---- */

static enum err message_write(const struct chat_choice *choice, struct buf *out)
{
	static const char *const none[] = {NULL};
	enum err e = ERR_OK;

	buf_char(out, '{');
	if (!json_object_get(choice->message, "role"))
		buf_text(out, "\"role\":\"assistant\",");
	if (choice->message) {
		json_merge_drop_indexes(choice->message);
		e = members_write(choice->message, none, out);
	}
	buf_text(out, "\"content\":");
	if (choice->has_content)
		buf_json(out, choice->content.bytes ? choice->content.bytes : "",
			choice->content.len);
	else
		buf_text(out, "null");
	buf_char(out, '}');
	return e ? e : buf_err(out);
}

static enum err choice_write(const struct chat_choice *choice, struct buf *out)
{
	enum err e;

	buf_printf(out, "{\"index\":%d,\"message\":", choice->index);
	e = message_write(choice, out);
	if (e)
		return e;
	buf_text(out, ",\"logprobs\":");
	if (choice->logprobs)
		e = json_write(choice->logprobs, out);
	else
		buf_text(out, "null");
	if (e)
		return e;
	buf_text(out, ",\"finish_reason\":");
	if (choice->finish_reason[0])
		buf_json(out, choice->finish_reason, strlen(choice->finish_reason));
	else
		buf_text(out, "null");
	return buf_char(out, '}');
}

enum err chat_reply_end(struct chat_reply *c)
{
	return json_merge_end(&c->merge);
}

enum err chat_reply_finish(const struct chat_reply *c, struct buf *out)
{
	enum err e = ERR_OK;

	if (!c->choices_n && !c->head.len)
		return ERR_UP_MALFORMED;
	buf_char(out, '{');
	buf_append(out, c->head.bytes, c->head.len);
	buf_text(out, "\"object\":\"chat.completion\",\"choices\":[");
	for (size_t i = 0; i < c->choices_n && !e; i++) {
		if (i)
			buf_char(out, ',');
		e = choice_write(&c->choices[i], out);
	}
	buf_char(out, ']');
	if (c->usage.len) {
		buf_text(out, ",\"usage\":");
		buf_append(out, c->usage.bytes, c->usage.len);
	}
	buf_char(out, '}');
	return e ? e : buf_err(out);
}
