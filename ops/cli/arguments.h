/* arguments.h - from argv to a checked call.
 *
 * Options may stand anywhere and be written --name VALUE, --name=VALUE, -n VALUE
 * or -nVALUE; "--" ends them, "-" alone is an argument. Values are checked here
 * against their row (range, words, form), so that handlers only read.
 *
 * Threads: one.  Memory: the call borrows argv, and reorders the arguments in it. */
#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include "call.h"

/* Finds the command that argv (without the program's name) begins with and takes the rest apart.
 * call->out and call->err must be set. When it is not OUTCOME_OK, what is wrong was said on
 * call->err, with the nearest command or option where one is near. --help on a noun or on nothing
 * at all is left to the caller: call->command is then NULL and OUTCOME_OK returned. */
enum outcome arguments_parse(struct call *call, const char **argv, size_t n);

/* The nearest of words to what was typed, or NULL when none is near (two slips at most). */
const char *arguments_nearest(const char *typed, const char *const *words, size_t n);

#endif
