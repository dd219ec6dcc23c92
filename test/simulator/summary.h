/* summary.h - an extractive summary: a few sentences of a text, in their order.
 *
 * Sentences are scored by how often the text uses their longer words, so a test
 * can foretell the answer and a person can read it. It is a pure function of the
 * text, and linear in it.
 *
 * Threads: pure.  Memory: the result is the caller's. */
#ifndef SIMULATOR_SUMMARY_H
#define SIMULATOR_SUMMARY_H

#include "ground/buf.h"

#include <stddef.h>

enum { SUMMARY_SENTENCES = 3, SUMMARY_SENTENCE_MAX = 320 };

/* Appends the summary of text (UTF-8) to out; an empty text gives one fixed sentence. */
MUST_CHECK enum err summary_append(struct buf *out, const char *text, size_t len);

#endif
