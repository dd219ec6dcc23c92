/* /chat/completions, as OpenAI answers it. */
#include "simulator/dialect.h"

#include <string.h>

static const char *const finish_names[] = {"\"stop\"", "\"length\"", "\"content_filter\""};

static enum err usage_append(const struct reply *r, unsigned output, struct buf *out)
{
	unsigned in = r->ask.input_tokens;

	if (!dialect_counts(r))
		return buf_text(out, "null");
	return buf_printf(out,
		"{\"prompt_tokens\":%u,\"completion_tokens\":%u,\"total_tokens\":%u,"
		"\"prompt_tokens_details\":{\"cached_tokens\":0},"
		"\"completion_tokens_details\":{\"reasoning_tokens\":0}}",
		in, output, in + output);
}

static enum err head_append(const struct reply *r, const char *object, struct buf *out)
{
	buf_printf(out,
		"{\"id\":\"chatcmpl-%016llx\",\"object\":\"%s\",\"created\":%lld,\"model\":",
		(unsigned long long)r->id, object, (long long)r->created_s);
	return buf_json(out, r->ask.model, strlen(r->ask.model));
}

/* One chunk around a delta; finish NULL: not the last. */
static enum err chunk_append(const struct reply *r, const char *delta, const struct buf *piece,
	const char *finish, struct buf *out)
{
	buf_text(out, "data: ");
	head_append(r, "chat.completion.chunk", out);
	buf_text(out, ",\"choices\":[{\"index\":0,\"delta\":{");
	buf_text(out, delta);
	if (piece)
		buf_json(out, piece->bytes ? piece->bytes : "", piece->len);
	buf_printf(out, "},\"finish_reason\":%s}]", finish ? finish : "null");
	if (r->ask.usage)
		buf_text(out, ",\"usage\":");
	if (r->ask.usage && r->ask.how.usage_each > 0)
		usage_append(r, r->text.sent, out);
	else if (r->ask.usage)
		buf_text(out, "null");
	return buf_text(out, "}\n\n");
}

static enum err chat_begin(struct reply *r, struct buf *out)
{
	return chunk_append(r, "\"role\":\"assistant\",\"content\":\"\"", NULL, NULL, out);
}

static enum err chat_delta(struct reply *r, const struct buf *piece, struct buf *out)
{
	return chunk_append(r, "\"content\":", piece, NULL, out);
}

static enum err chat_end(struct reply *r, struct buf *out)
{
	chunk_append(r, "", NULL, finish_names[r->finish], out);
	if (r->ask.usage && dialect_counts(r)) {
		buf_text(out, "data: ");
		head_append(r, "chat.completion.chunk", out);
		buf_text(out, ",\"choices\":[],\"usage\":");
		usage_append(r, r->text.tokens, out);
		buf_text(out, "}\n\n");
	}
	return buf_text(out, "data: [DONE]\n\n");
}

static enum err chat_fail(struct reply *r, const char *message, struct buf *out)
{
	(void)r;
	buf_text(out, "data: ");
	dialect_refuse(500, NULL, message, out);
	return buf_text(out, "\n\n");
}

static enum err chat_whole(struct reply *r, struct buf *out)
{
	struct buf text;

	buf_init(&text, out->max);
	enum err e = text_whole(&r->text, &text);
	head_append(r, "chat.completion", out);
	buf_text(
		out, ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":");
	buf_json(out, text.bytes ? text.bytes : "", text.len);
	buf_printf(out, ",\"refusal\":null},\"logprobs\":null,\"finish_reason\":%s}],\"usage\":",
		finish_names[r->finish]);
	usage_append(r, r->text.tokens, out);
	buf_char(out, '}');
	buf_clear(&text);
	return e == ERR_OK ? buf_err(out) : e;
}

const struct dialect dialect_chat = {"/chat/completions", chat_begin, chat_delta, chat_end,
	chat_whole, chat_fail, dialect_refuse};
