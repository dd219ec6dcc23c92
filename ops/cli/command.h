/* command.h - the command line as data.
 *
 * Everything a person can type stands in one table (command.c): name, arguments,
 * one line of help, options, handler. Parsing, usage, completion and docs/cli.md
 * are all made from it; a new command is one row and one function.
 *
 * Threads: one.  Memory: tables are static. */
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

#endif
