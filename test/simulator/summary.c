#include "simulator/summary.h"

#include "simulator/text.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { WORD_SLOTS = 1024, WORD_LEAST = 5, SENTENCE_LEAST = 24 };

/* Counts by hash; two words that share a slot share a count, which only blurs the score. */
struct words {
	uint16_t seen[WORD_SLOTS];
};

struct sentence {
	const char *at;
	size_t len;
	double score;
};

struct span {
	const char *at;
	const char *end;
};

static bool letter(char c)
{
	return isalnum((unsigned char)c) || (c & 0x80);
}

/* The next word's slot, or -1 at the end; short words say little and are passed over. */
static int word_next(struct span *s)
{
	while (s->at < s->end) {
		uint32_t hash = 2166136261u;
		const char *from;

		while (s->at < s->end && !letter(*s->at))
			s->at++;
		for (from = s->at; s->at < s->end && letter(*s->at); s->at++)
			hash = (hash ^ (uint32_t)tolower((unsigned char)*s->at)) * 16777619u;
		if (s->at - from >= WORD_LEAST)
			return (int)(hash % WORD_SLOTS);
	}
	return -1;
}

static void words_count(struct words *w, const char *text, size_t len)
{
	struct span s = {text, text + len};

	for (int slot; (slot = word_next(&s)) >= 0;)
		if (w->seen[slot] < UINT16_MAX)
			w->seen[slot]++;
}

/* A sentence ends at a stop followed by white space, or at an empty line. */
static const char *sentence_end(const char *at, const char *end)
{
	for (; at < end; at++) {
		bool last = at + 1 == end;
		if (strchr(".!?", *at) && (last || isspace((unsigned char)at[1])))
			return at + 1;
		if (*at == '\n' && (last || at[1] == '\n'))
			return at;
	}
	return end;
}

static double sentence_score(const struct words *w, const char *at, size_t len)
{
	struct span s = {at, at + len};
	double sum = 0;
	int n = 0;

	for (int slot; (slot = word_next(&s)) >= 0; n++)
		sum += w->seen[slot];
	return len < SENTENCE_LEAST || n == 0 ? 0 : sum / (n + 4);
}

/* Keeps the best few, in the text's order: the weakest leaves, the rest close up. */
static void best_offer(struct sentence *best, int *n, const struct sentence *s)
{
	int weakest = 0;

	if (*n < SUMMARY_SENTENCES) {
		best[(*n)++] = *s;
		return;
	}
	for (int i = 1; i < *n; i++)
		if (best[i].score < best[weakest].score)
			weakest = i;
	if (s->score <= best[weakest].score)
		return;
	memmove(&best[weakest], &best[weakest + 1], sizeof(*best) * (size_t)(*n - 1 - weakest));
	best[*n - 1] = *s;
}

/* White space of the source, line ends above all, becomes single blanks. */
static void sentence_append(struct buf *out, const struct sentence *s)
{
	size_t len = text_cut(s->at, s->len, SUMMARY_SENTENCE_MAX);
	bool blank = out->len == 0;

	if (!blank)
		buf_char(out, ' ');
	blank = true;
	for (size_t i = 0; i < len; i++) {
		bool space = isspace((unsigned char)s->at[i]) || iscntrl((unsigned char)s->at[i]);
		if (!space)
			buf_char(out, s->at[i]);
		else if (!blank)
			buf_char(out, ' ');
		blank = space;
	}
}

enum err summary_append(struct buf *out, const char *text, size_t len)
{
	struct sentence best[SUMMARY_SENTENCES];
	const char *end = text + len;
	struct words words = {{0}};
	int n = 0;

	words_count(&words, text, len);
	for (const char *at = text; at < end;) {
		while (at < end && isspace((unsigned char)*at))
			at++;
		const char *stop = sentence_end(at, end);
		struct sentence s = {at, (size_t)(stop - at), 0};
		s.score = sentence_score(&words, at, s.len);
		if (s.len > 0)
			best_offer(best, &n, &s);
		at = stop > at ? stop : at + 1;
	}
	if (n == 0)
		return buf_text(out, "There was nothing to summarise.");
	for (int i = 0; i < n; i++)
		sentence_append(out, &best[i]);
	return buf_err(out);
}
