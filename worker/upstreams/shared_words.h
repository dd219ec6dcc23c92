/* shared_words.h - the arguments of one exchange with Redis, while they are written.
 *
 * Threads: the loop's.  Memory: a text that is used again for each exchange. */
#ifndef UPSTREAMS_SHARED_WORDS_H
#define UPSTREAMS_SHARED_WORDS_H

#include "ground/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
	WORDS_SCOPES = 64, /* in one exchange; the others' turn is the next one */
	WORDS_GUARDS = 2 * WORDS_SCOPES,
	WORDS_MAX = 3 + 13 * WORDS_GUARDS + 23 * WORDS_SCOPES + 1, /* all of them leave one */
	WORDS_TEXT_MAX = 4 << 20
};

/* Arguments under construction; texts move while they grow, so places are kept. */
struct words {
	struct buf text;
	size_t n, at[WORDS_MAX];
};

static inline void word(struct words *w, const char *text)
{
	if (w->n == WORDS_MAX)
		return;
	w->at[w->n++] = w->text.len;
	(void)buf_append(&w->text, text, strlen(text) + 1);
}

static inline void word_number(struct words *w, double number)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%.4f", number);
	word(w, text);
}

static inline void word_count(struct words *w, int64_t number)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%lld", (long long)number);
	word(w, text);
}

#endif
