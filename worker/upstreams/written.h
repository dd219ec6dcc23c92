/* written.h - how much text a model wrote in a piece of JSON.
 *
 * For replies that do not say what they used: only what reads as an answer (text,
 * refusals, thinking, what tools are called with) stands for tokens. Names, ids and
 * whatever else an upstream sends does not, whatever its size.
 *
 * Threads: pure.  Memory: none. */
#ifndef UPSTREAMS_WRITTEN_H
#define UPSTREAMS_WRITTEN_H

#include "ports/json.h"

/* Bytes of text in value, the member of that name, and below it. NULL = none. The caller's limit on
 * depth bounds the walk. */
size_t written_in(const char *name, const json_t *value);

#endif
