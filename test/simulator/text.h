/* text.h - what the simulator says, token by token.
 *
 * A token is a word with the white space before it. A text is either kept (a
 * summary) or follows from a seed, word by word: ten thousand long streams then
 * hold no text at all. Joined tokens give the whole text.
 *
 * Threads: pure.  Memory: text_clear frees a kept text. */
#ifndef SIMULATOR_TEXT_H
#define SIMULATOR_TEXT_H

#include "ground/buf.h"

#include <stddef.h>
#include <stdint.h>

struct text {
	char *kept; /* NULL: made from the seed */
	size_t len;
	size_t at; /* where the next kept token begins */
	uint64_t seed;
	unsigned tokens; /* all of them */
	unsigned sent;	 /* how many were taken */
};

/* A text of so many tokens that follows from seed. */
void text_make(struct text *t, uint64_t seed, unsigned tokens);
/* A kept text, cut after max tokens; bytes are taken over. */
void text_keep(struct text *t, char *bytes_take, size_t len, unsigned max);
void text_clear(struct text *t);
/* Appends the next n tokens (fewer at the end) as they are. */
MUST_CHECK enum err text_next(struct text *t, unsigned n, struct buf *out);
/* Appends the whole text, whatever was taken. */
MUST_CHECK enum err text_whole(const struct text *t, struct buf *out);
unsigned text_count(const char *bytes, size_t len);
/* The longest length <= max that does not cut a UTF-8 character. */
size_t text_cut(const char *bytes, size_t len, size_t max);
/* FNV-1a, 64 bits. */
uint64_t text_hash(const void *bytes, size_t len);

#endif
