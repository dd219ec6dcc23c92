/* spoken.h - a call whose words are kept for a test to read.
 *
 * Threads: one.  Memory: spoken_close frees what was kept. */
#ifndef TEST_CLI_SPOKEN_H
#define TEST_CLI_SPOKEN_H

#include "arguments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SPOKEN_WORDS_MAX = 40 };

struct spoken {
	struct call call;
	const char *words[SPOKEN_WORDS_MAX];
	char *out, *err;
	size_t out_len, err_len;
	enum outcome outcome;
};

/* words end with NULL. */
static inline void spoken_open(struct spoken *s, const char *const *words)
{
	size_t n = 0;

	memset(s, 0, sizeof(*s));
	s->call.out = open_memstream(&s->out, &s->out_len);
	s->call.err = open_memstream(&s->err, &s->err_len);
	while (words[n]) {
		s->words[n] = words[n];
		n++;
	}
	s->outcome = arguments_parse(&s->call, s->words, n);
	fflush(s->call.err);
}

#define SPOKEN(s, ...) spoken_open((s), (const char *const[]){__VA_ARGS__, NULL})

static inline void spoken_flush(struct spoken *s)
{
	fflush(s->call.out);
	fflush(s->call.err);
}

static inline void spoken_close(struct spoken *s)
{
	fclose(s->call.out);
	fclose(s->call.err);
	free(s->out);
	free(s->err);
}

static inline bool spoken_has(const char *text, const char *part)
{
	return text && strstr(text, part);
}

#endif
