/* json_text.h - JSON read and changed as text, so that what is not ours stays as it was.
 *
 * What a caller sends goes to the upstream as sent: 1.0 stays 1.0, members keep
 * their order. So a request is not parsed and printed again; one member's text
 * is found, or set, in place. The text was checked when it was accepted; here a
 * malformed one is refused, never overrun.
 *
 * Threads: pure.  Memory: slices point into the caller's text. */
#ifndef UPSTREAMS_JSON_TEXT_H
#define UPSTREAMS_JSON_TEXT_H

#include "ground/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct json_text {
	const char *at;
	size_t len;
};

/* The value of the object's own member called name (escapes in the object are read). False: there
 * is none, or text is no object. */
bool json_text_member(struct json_text object, const char *name, struct json_text *ret_value);
/* The array's first element. False: it is empty, or text is no array. */
bool json_text_first(struct json_text array, struct json_text *ret_value);
/* Appends the object with the member set to value's text: replaced where it stands, or added as the
 * last one. ERR_INVALID_JSON when object is none, ERR_NOMEM, ERR_TOO_LARGE. */
MUST_CHECK enum err json_text_set(
	struct json_text object, const char *name, const char *value, struct buf *out);
/* Appends what a JSON string says. at: just behind the opening quote; *ret_after: behind the
 * closing one. ERR_INVALID_JSON: no end, a bad escape, a lone surrogate, U+0000, no UTF-8. */
MUST_CHECK enum err json_text_string(
	const char *at, const char *end, struct buf *out, const char **ret_after);

#endif
