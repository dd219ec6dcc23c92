#include "simulator/text.h"

#include "simulator/behaviour.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>

static const char *const lexicon[64] = {
	"harbour",
	"lantern",
	"copper",
	"meadow",
	"signal",
	"orchard",
	"ledger",
	"granite",
	"willow",
	"compass",
	"silver",
	"market",
	"bridge",
	"canvas",
	"thread",
	"summit",
	"river",
	"quarry",
	"beacon",
	"garden",
	"timber",
	"anchor",
	"valley",
	"mirror",
	"winter",
	"saddle",
	"pepper",
	"velvet",
	"island",
	"hammer",
	"candle",
	"feather",
	"the",
	"a",
	"of",
	"and",
	"to",
	"in",
	"is",
	"was",
	"with",
	"for",
	"on",
	"by",
	"from",
	"near",
	"under",
	"over",
	"old",
	"new",
	"long",
	"quiet",
	"bright",
	"early",
	"late",
	"small",
	"keeps",
	"finds",
	"holds",
	"turns",
	"brings",
	"makes",
	"leaves",
	"carries",
};

/* The end of the token that begins at from: white space, then a word. */
static size_t token_end(const char *bytes, size_t len, size_t from)
{
	while (from < len && isspace((unsigned char)bytes[from]))
		from++;
	while (from < len && !isspace((unsigned char)bytes[from]))
		from++;
	return from;
}

void text_make(struct text *t, uint64_t seed, unsigned tokens)
{
	*t = (struct text){.seed = seed, .tokens = tokens};
}

void text_keep(struct text *t, char *bytes_take, size_t len, unsigned max)
{
	size_t end = 0;
	unsigned n;

	for (n = 0; n < max && end < len; n++)
		end = token_end(bytes_take, len, end);
	*t = (struct text){.kept = bytes_take, .len = end, .tokens = n};
}

void text_clear(struct text *t)
{
	free(t->kept);
	t->kept = NULL;
}

static enum err made_append(const struct text *t, unsigned from, unsigned to, struct buf *out)
{
	for (unsigned i = from; i < to; i++) {
		if (i > 0)
			buf_char(out, ' ');
		buf_text(out, lexicon[behaviour_random(t->seed, i) & 63]);
	}
	return buf_err(out);
}

enum err text_next(struct text *t, unsigned n, struct buf *out)
{
	unsigned from = t->sent;
	size_t at = t->at;

	if (n > t->tokens - t->sent)
		n = t->tokens - t->sent;
	t->sent += n;
	if (!t->kept)
		return made_append(t, from, t->sent, out);
	while (n-- > 0)
		t->at = token_end(t->kept, t->len, t->at);
	return buf_append(out, t->kept + at, t->at - at);
}

enum err text_whole(const struct text *t, struct buf *out)
{
	if (!t->kept)
		return made_append(t, 0, t->tokens, out);
	return buf_append(out, t->kept, t->len);
}

unsigned text_count(const char *bytes, size_t len)
{
	unsigned n = 0;

	for (size_t at = 0; at < len; n++)
		at = token_end(bytes, len, at);
	return n;
}

size_t text_cut(const char *bytes, size_t len, size_t max)
{
	if (len <= max)
		return len;
	while (max > 0 && (bytes[max] & 0xc0) == 0x80)
		max--;
	return max;
}

uint64_t text_hash(const void *bytes, size_t len)
{
	const unsigned char *at = bytes;
	uint64_t hash = 14695981039346656037u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ at[i]) * 1099511628211u;
	return hash;
}
