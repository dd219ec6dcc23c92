/* span.h - where a member's value stands in the text of a JSON object.
 *
 * The text was read before, so it is known to be valid; only strings and nesting
 * need to be stepped over. Pure and bounded by the text all the same.
 *
 * Threads: pure.  Memory: points into the text. */
#ifndef JOBS_SPAN_H
#define JOBS_SPAN_H

#include <stdbool.h>
#include <stddef.h>

struct span {
	const char *bytes;
	size_t len;
};

/* The value of the top-level member whose name is spelt exactly so, without the blanks around it.
 * False when there is none (it may be spelt with escapes). */
bool span_find(const char *text, size_t len, const char *name, struct span *ret);

#endif
