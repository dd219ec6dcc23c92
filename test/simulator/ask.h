/* ask.h - what a model call asks for, whatever its dialect.
 *
 * Only what changes the answer is read; everything else is let pass, as the real
 * endpoints do. The prompt is the text of the last user turn (chat, messages) or
 * the input (responses, embeddings, moderations), joined from its parts.
 *
 * Threads: pure.  Memory: ask_clear frees. */
#ifndef SIMULATOR_ASK_H
#define SIMULATOR_ASK_H

#include "simulator/behaviour.h"

#include "ground/buf.h"
#include "ports/json.h"

#include <stdbool.h>
#include <stdint.h>

enum { ASK_PROMPT_MAX = 16 << 20, ASK_INPUTS_MAX = 2048, ASK_DIMENSIONS = 64 };

struct ask {
	char *model; /* as sent, parameters and all */
	struct behaviour how;
	struct buf prompt;
	uint64_t *inputs; /* a hash of each element of input: embeddings, moderations */
	size_t inputs_n;
	unsigned input_tokens;
	unsigned max_tokens; /* 0: no limit */
	unsigned dimensions;
	bool stream;
	bool usage;  /* stream_options.include_usage */
	bool base64; /* encoding_format */
};

/* Reads a request's body. Problems say in words what is wrong.
 *   ERR_INVALID_JSON, ERR_INVALID_FIELD (also a parameter of the model's name), ERR_NOMEM */
MUST_CHECK enum err ask_read(const char *body, size_t len, struct problems *p, struct ask *ret);
void ask_clear(struct ask *a);

#endif
