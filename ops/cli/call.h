/* call.h - one use of a command: what was typed, checked against its row of the table.
 *
 * Threads: one.  Memory: a call borrows argv, which must outlive it. */
#ifndef CLI_CALL_H
#define CLI_CALL_H

#include "command.h"

#include <stdio.h>

enum { CALL_VALUES_MAX = 64 };

struct call {
	const struct command *command;
	const char **arguments; /* n of them, then NULL */
	size_t n;
	struct call_value {
		const struct option *option;
		const char *text;
		int64_t number;
	} values[CALL_VALUES_MAX];
	size_t n_values;
	FILE *out; /* results */
	FILE *err; /* everything that is said to a person besides */
};

/* Reading a call. Asking for an option that the command does not have is a mistake of the
 * program and stops it. */
bool call_flag(const struct call *call, const char *name);
/* The text given, or NULL. */
const char *call_text(const struct call *call, const char *name);
/* The number or the seconds given, or fallback. */
int64_t call_number(const struct call *call, const char *name, int64_t fallback);
/* The next value of an option that may be given several times: start with *i = 0; NULL = no more.
 */
const char *call_next(const struct call *call, const char *name, size_t *i);

/* Says "longhaul VERB: sentence" on call->err and returns OUTCOME_USAGE. */
enum outcome call_usage(const struct call *call, const char *sentence, ...)
	__attribute__((format(printf, 2, 3)));
/* The same sentence form with an outcome of the caller's choice. */
enum outcome call_fail(const struct call *call, enum outcome outcome, const char *sentence, ...)
	__attribute__((format(printf, 3, 4)));

#endif
