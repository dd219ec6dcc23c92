/* /messages, as Anthropic answers it. */
#include "simulator/dialect.h"

#include <string.h>

static const char *const finish_names[] = {"\"end_turn\"", "\"max_tokens\"", "\"refusal\""};

static enum err head_append(const struct reply *r, struct buf *out)
{
	buf_printf(out,
		"{\"id\":\"msg_%016llx\",\"type\":\"message\",\"role\":\"assistant\",\"model\":",
		(unsigned long long)r->id);
	return buf_json(out, r->ask.model, strlen(r->ask.model));
}

/* The members of a usage object, up to output. */
static enum err usage_append(const struct reply *r, unsigned output, struct buf *out)
{
	if (!dialect_counts(r))
		return buf_text(out, "{}");
	return buf_printf(
		out, "{\"input_tokens\":%u,\"output_tokens\":%u}", r->ask.input_tokens, output);
}

static enum err message_begin(struct reply *r, struct buf *out)
{
	buf_text(out, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":");
	head_append(r, out);
	buf_text(out, ",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":");
	usage_append(r, 1, out);
	return buf_text(out,
		"}}\n\n"
		"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
		"\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
		"event: ping\ndata: {\"type\":\"ping\"}\n\n");
}

static enum err message_delta(struct reply *r, const struct buf *piece, struct buf *out)
{
	buf_text(out, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
		      "\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":");
	buf_json(out, piece->bytes ? piece->bytes : "", piece->len);
	return buf_text(out, "}}\n\n");
}

static enum err message_end(struct reply *r, struct buf *out)
{
	buf_printf(out,
		"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
		"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":"
		"{\"stop_reason\":%s,\"stop_sequence\":null}",
		finish_names[r->finish]);
	if (dialect_counts(r))
		buf_printf(out, ",\"usage\":{\"output_tokens\":%u}", r->text.tokens);
	return buf_text(out, "}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
}

static enum err message_whole(struct reply *r, struct buf *out)
{
	struct buf text;

	buf_init(&text, out->max);
	enum err e = text_whole(&r->text, &text);
	head_append(r, out);
	buf_text(out, ",\"content\":[{\"type\":\"text\",\"text\":");
	buf_json(out, text.bytes ? text.bytes : "", text.len);
	buf_printf(out,
		"}],\"stop_reason\":%s,\"stop_sequence\":null,\"usage\":", finish_names[r->finish]);
	usage_append(r, r->text.tokens, out);
	buf_char(out, '}');
	buf_clear(&text);
	return e == ERR_OK ? buf_err(out) : e;
}

static const char *error_type(int status)
{
	static const struct {
		int status;
		const char *type;
	} types[] = {{400, "invalid_request_error"}, {401, "authentication_error"},
		{403, "permission_error"}, {404, "not_found_error"}, {413, "request_too_large"},
		{429, "rate_limit_error"}, {529, "overloaded_error"}};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].status == status)
			return types[i].type;
	return "api_error";
}

static enum err message_refuse(int status, const char *code, const char *message, struct buf *out)
{
	buf_printf(out,
		"{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":", error_type(status));
	buf_json(out, message, strlen(message));
	return buf_text(out, "}}");
}

static enum err message_fail(struct reply *r, const char *message, struct buf *out)
{
	(void)r;
	buf_text(out, "event: error\ndata: ");
	message_refuse(500, NULL, message, out);
	return buf_text(out, "\n\n");
}

const struct dialect dialect_message = {"/messages", message_begin, message_delta, message_end,
	message_whole, message_fail, message_refuse};
