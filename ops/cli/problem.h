/* problem.h - a problem document (RFC 9457), as sentences.
 *
 * Threads: one.  Memory: none kept. */
#ifndef CLI_PROBLEM_H
#define CLI_PROBLEM_H

#include "call.h"

#include "ports/json.h"

/* Says on call->err what the server refused and why: a line for the whole, one per pointer, and
 * when to try again. problem may be NULL or something else than a problem. */
void problem_say(const struct call *call, int status, const json_t *problem, int64_t retry_after_s);

/* The same for line number `line` of a bulk submission. */
void problem_say_line(const struct call *call, size_t line, const json_t *problem);

#endif
