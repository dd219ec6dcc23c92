/* /embeddings and /moderations: one value for each input, none of them streamed. */
#include "simulator/dialect.h"

#include <string.h>

/* What a test writes into a text that shall be flagged. */
static const char flag_word[] = "simulator-flag";

static float coordinate(uint64_t seed, unsigned i)
{
	return (float)((double)(behaviour_random(seed, i) >> 40) / (double)(1u << 23) - 1.0);
}

static enum err base64_append(const unsigned char *bytes, size_t len, struct buf *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		unsigned n = (unsigned)bytes[i] << 16;
		n |= i + 1 < len ? (unsigned)bytes[i + 1] << 8 : 0;
		n |= i + 2 < len ? bytes[i + 2] : 0;
		buf_char(out, digits[n >> 18]);
		buf_char(out, digits[n >> 12 & 63]);
		buf_char(out, i + 1 < len ? digits[n >> 6 & 63] : '=');
		buf_char(out, i + 2 < len ? digits[n & 63] : '=');
	}
	return buf_err(out);
}

static enum err packed_append(uint64_t seed, unsigned dimensions, struct buf *out)
{
	float row[3] = {0}; /* twelve bytes at a time need no padding between them */

	buf_char(out, '"');
	for (unsigned i = 0; i < dimensions; i += 3) {
		unsigned n = dimensions - i < 3 ? dimensions - i : 3;
		for (unsigned k = 0; k < n; k++)
			row[k] = coordinate(seed, i + k);
		base64_append((const unsigned char *)row, n * sizeof(float), out);
	}
	return buf_char(out, '"');
}

static enum err listed_append(uint64_t seed, unsigned dimensions, struct buf *out)
{
	for (unsigned i = 0; i < dimensions; i++)
		buf_printf(out, "%c%.6f", i == 0 ? '[' : ',', (double)coordinate(seed, i));
	return buf_char(out, ']');
}

static enum err embedding_whole(struct reply *r, struct buf *out)
{
	const struct ask *a = &r->ask;

	buf_text(out, "{\"object\":\"list\",\"data\":[");
	for (size_t i = 0; i < a->inputs_n; i++) {
		buf_printf(out,
			"%s{\"object\":\"embedding\",\"index\":%zu,\"embedding\":", i ? "," : "",
			i);
		(a->base64 ? packed_append : listed_append)(a->inputs[i], a->dimensions, out);
		buf_char(out, '}');
	}
	buf_text(out, "],\"model\":");
	buf_json(out, a->model, strlen(a->model));
	return buf_printf(out, ",\"usage\":{\"prompt_tokens\":%u,\"total_tokens\":%u}}",
		a->input_tokens, a->input_tokens);
}

static enum err moderation_whole(struct reply *r, struct buf *out)
{
	const struct buf *prompt = &r->ask.prompt;
	bool bad = prompt->len > 0 &&
		   memmem(prompt->bytes, prompt->len, flag_word, sizeof(flag_word) - 1);
	size_t n = r->ask.inputs_n ? r->ask.inputs_n : 1;

	buf_printf(out, "{\"id\":\"modr-%016llx\",\"model\":", (unsigned long long)r->id);
	buf_json(out, r->ask.model, strlen(r->ask.model));
	buf_text(out, ",\"results\":[");
	for (size_t i = 0; i < n; i++)
		buf_printf(out,
			"%s{\"flagged\":%s,\"categories\":{\"violence\":%s},"
			"\"category_scores\":{\"violence\":%s}}",
			i ? "," : "", bad ? "true" : "false", bad ? "true" : "false",
			bad ? "0.98" : "0.01");
	return buf_text(out, "]}");
}

const struct dialect dialect_embedding = {
	"/embeddings", NULL, NULL, NULL, embedding_whole, NULL, dialect_refuse};
const struct dialect dialect_moderation = {
	"/moderations", NULL, NULL, NULL, moderation_whole, NULL, dialect_refuse};
