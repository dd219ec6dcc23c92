/* usage.h - the command table, printed for people.
 *
 * Threads: one.  Memory: none kept. */
#ifndef CLI_USAGE_H
#define CLI_USAGE_H

#include "command.h"

/* Every command, one line each; only one noun's when noun is not NULL. */
void usage_all(FILE *out, const char *noun);
/* One command with its options and further help. */
void usage_command(FILE *out, const struct command *command);
/* docs/cli.md, whole. */
void usage_markdown(FILE *out);

#endif
