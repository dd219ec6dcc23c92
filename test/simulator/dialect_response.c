/* /responses, as OpenAI answers it: every life-cycle event carries the whole response. */
#include "simulator/dialect.h"

#include <stdbool.h>
#include <string.h>

static const char *status_of(const struct reply *r, bool ended)
{
	if (!ended)
		return "in_progress";
	return r->finish == FINISH_STOP ? "completed" : "incomplete";
}

static const char *incomplete_of(const struct reply *r, bool ended)
{
	if (!ended || r->finish == FINISH_STOP)
		return "null";
	return r->finish == FINISH_LENGTH ? "{\"reason\":\"max_output_tokens\"}"
					  : "{\"reason\":\"content_filter\"}";
}

/* The whole text as a JSON string. */
static enum err text_json(const struct reply *r, struct buf *out)
{
	struct buf text;

	buf_init(&text, out->max);
	enum err e = text_whole(&r->text, &text);
	buf_json(out, text.bytes ? text.bytes : "", text.len);
	buf_clear(&text);
	return e == ERR_OK ? buf_err(out) : e;
}

static enum err part_append(const struct reply *r, bool ended, struct buf *out)
{
	buf_text(out, "{\"type\":\"output_text\",\"text\":");
	if (ended)
		text_json(r, out);
	else
		buf_text(out, "\"\"");
	return buf_text(out, ",\"annotations\":[],\"logprobs\":[]}");
}

static enum err item_append(const struct reply *r, bool ended, struct buf *out)
{
	buf_printf(out,
		"{\"id\":\"msg_%016llx\",\"type\":\"message\",\"role\":\"assistant\","
		"\"status\":\"%s\",\"content\":[",
		(unsigned long long)r->id, status_of(r, ended));
	if (ended)
		part_append(r, true, out);
	return buf_text(out, "]}");
}

static enum err usage_append(const struct reply *r, struct buf *out)
{
	unsigned in = r->ask.input_tokens;

	if (!dialect_counts(r))
		return buf_text(out, "null");
	return buf_printf(out,
		"{\"input_tokens\":%u,\"input_tokens_details\":{\"cached_tokens\":0},"
		"\"output_tokens\":%u,\"output_tokens_details\":{\"reasoning_tokens\":0},"
		"\"total_tokens\":%u}",
		in, r->text.tokens, in + r->text.tokens);
}

static enum err response_append(const struct reply *r, bool ended, struct buf *out)
{
	buf_printf(out,
		"{\"id\":\"resp_%016llx\",\"object\":\"response\",\"created_at\":%lld,"
		"\"status\":\"%s\",\"background\":false,\"error\":null,\"incomplete_details\":%s,"
		"\"instructions\":null,\"max_output_tokens\":null,\"model\":",
		(unsigned long long)r->id, (long long)r->created_s, status_of(r, ended),
		incomplete_of(r, ended));
	buf_json(out, r->ask.model, strlen(r->ask.model));
	buf_text(out, ",\"output\":[");
	if (ended)
		item_append(r, true, out);
	buf_text(out,
		"],\"parallel_tool_calls\":true,\"previous_response_id\":null,"
		"\"reasoning\":{\"effort\":null,\"summary\":null},\"service_tier\":\"default\","
		"\"store\":true,\"temperature\":1.0,\"text\":{\"format\":{\"type\":\"text\"}},"
		"\"tool_choice\":\"auto\",\"tools\":[],\"top_p\":1.0,\"truncation\":\"disabled\","
		"\"user\":null,\"metadata\":{},\"usage\":");
	if (ended)
		usage_append(r, out);
	else
		buf_text(out, "null");
	return buf_char(out, '}');
}

static enum err event_append(struct reply *r, const char *type, struct buf *out)
{
	return buf_printf(out, "event: %s\ndata: {\"type\":\"%s\",\"sequence_number\":%u", type,
		type, r->sequence++);
}

static enum err life_append(struct reply *r, const char *type, bool ended, struct buf *out)
{
	event_append(r, type, out);
	buf_text(out, ",\"response\":");
	response_append(r, ended, out);
	return buf_text(out, "}\n\n");
}

static enum err place_append(const struct reply *r, struct buf *out)
{
	return buf_printf(out,
		",\"item_id\":\"msg_%016llx\",\"output_index\":0,\"content_index\":0",
		(unsigned long long)r->id);
}

static enum err item_event(struct reply *r, const char *type, bool ended, struct buf *out)
{
	event_append(r, type, out);
	buf_text(out, ",\"output_index\":0,\"item\":");
	item_append(r, ended, out);
	return buf_text(out, "}\n\n");
}

static enum err part_event(struct reply *r, const char *type, bool ended, struct buf *out)
{
	event_append(r, type, out);
	place_append(r, out);
	buf_text(out, ",\"part\":");
	part_append(r, ended, out);
	return buf_text(out, "}\n\n");
}

static enum err response_begin(struct reply *r, struct buf *out)
{
	life_append(r, "response.created", false, out);
	life_append(r, "response.in_progress", false, out);
	item_event(r, "response.output_item.added", false, out);
	return part_event(r, "response.content_part.added", false, out);
}

static enum err response_delta(struct reply *r, const struct buf *piece, struct buf *out)
{
	event_append(r, "response.output_text.delta", out);
	place_append(r, out);
	buf_text(out, ",\"delta\":");
	buf_json(out, piece->bytes ? piece->bytes : "", piece->len);
	return buf_text(out, ",\"logprobs\":[]}\n\n");
}

static enum err response_end(struct reply *r, struct buf *out)
{
	event_append(r, "response.output_text.done", out);
	place_append(r, out);
	buf_text(out, ",\"text\":");
	text_json(r, out);
	buf_text(out, ",\"logprobs\":[]}\n\n");
	part_event(r, "response.content_part.done", true, out);
	item_event(r, "response.output_item.done", true, out);
	return life_append(r,
		r->finish == FINISH_STOP ? "response.completed" : "response.incomplete", true, out);
}

static enum err response_fail(struct reply *r, const char *message, struct buf *out)
{
	event_append(r, "response.failed", out);
	buf_printf(out,
		",\"response\":{\"id\":\"resp_%016llx\",\"object\":\"response\",\"status\":"
		"\"failed\",\"output\":[],\"usage\":null,\"error\":{\"code\":\"server_error\","
		"\"message\":",
		(unsigned long long)r->id);
	buf_json(out, message, strlen(message));
	return buf_text(out, "}}}\n\n");
}

static enum err response_whole(struct reply *r, struct buf *out)
{
	return response_append(r, true, out);
}

const struct dialect dialect_response = {"/responses", response_begin, response_delta, response_end,
	response_whole, response_fail, dialect_refuse};
