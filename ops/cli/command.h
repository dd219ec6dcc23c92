/* command.h - the command line as data.
 *
 * Everything a person can type stands in one table (command.c): name, arguments,
 * one line of help, options, handler. Parsing, usage, completion and docs/cli.md
 * are all made from it; a new command is one row and one function.
 *
 * Threads: one.  Memory: tables are static. A call borrows argv, which must outlive it. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "outcome.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum option_kind {
	OPTION_FLAG,	 /* given or not */
	OPTION_TEXT,	 /* any text but the empty one */
	OPTION_FILE,	 /* a path, for completion; "-" is up to the command */
	OPTION_NUMBER,	 /* a whole number from min to max */
	OPTION_DURATION, /* 90, 90s, 10m, 2h, 3d: kept as seconds, from min to max */
	OPTION_CHOICE,	 /* one of the words in choices */
	OPTION_CHOICES,	 /* some of them, with commas between */
	OPTION_PAIR,	 /* key=value */
};

struct option {
	const char *name; /* without dashes; NULL ends a table */
	char letter;	  /* short form, 0 = none */
	enum option_kind kind;
	const char *value; /* what usage calls the value; for a choice: the words, "a|b" */
	const char *help;
	bool many; /* may be given several times */
	int64_t min, max;
};

/* Is its value of the words in value? */
bool option_has_words(const struct option *option);

struct call;
typedef enum outcome command_fn(struct call *call);

enum { COMMAND_ANY = -1 };

struct command {
	const char *noun; /* NULL: jobs, or the program itself */
	const char *verb;
	const char *arguments; /* as usage shows them, "" when there are none */
	int least, most;       /* how many arguments; COMMAND_ANY = no upper bound */
	const char *line;
	const struct option *options; /* its own, besides command_shared */
	command_fn *run;
	const char *more; /* further help: a paragraph, an example; or NULL */
};

/* The table, in the order in which help shows it; ends with a NULL verb. */
extern const struct command command_table[];
/* Options that every command takes; ends with a NULL name. */
extern const struct option command_shared[];

/* Exact match; noun is NULL for the commands without one. NULL when there is none. */
const struct command *command_find(const char *noun, const char *verb);
bool command_is_noun(const char *word);
/* The command's option of this name, or a shared one; NULL when there is none. */
const struct option *command_option(const struct command *command, const char *name, size_t len);

enum { CALL_VALUES_MAX = 64 };

/* One use of a command: what was typed, checked against its row. */
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
