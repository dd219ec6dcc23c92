/* outcome.h - what an upstream's answer means, as a row of the one error table.
 *
 * Status first, then what the error body says, as quotas and rate limits share
 * the status 429 and only the first of them is final. Unknown errors inside a
 * stream are the upstream's failure and may be tried again.
 *
 * Threads: pure. */
#ifndef UPSTREAMS_OUTCOME_H
#define UPSTREAMS_OUTCOME_H

#include "ports/json.h"

/* status: the reply's, >= 300. body: the error body, any bytes. */
enum err outcome_of_status(int status, const char *body, size_t len);
/* error: the "error" value of a body or an event; status 0 = inside a stream. */
enum err outcome_of_error(int status, const json_t *error);
/* Appends the upstream's own words: the error's message, or the start of the body; cut to max
 * bytes, made UTF-8, and anything that looks like a key starred out. */
enum err outcome_words(const char *body, size_t len, size_t max, struct buf *out);

#endif
