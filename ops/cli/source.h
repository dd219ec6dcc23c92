/* source.h - what a caller hands in: a file, or standard input for "-".
 *
 * Threads: one. */
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

#include "call.h"

#include "ground/buf.h"

/* Opens for reading; what is wrong was said. Close with source_close. */
enum outcome source_open(const struct call *call, const char *path, FILE **ret_in);
void source_close(FILE *in);
/* Appends all of it, as far as out's maximum allows. */
enum outcome source_read(const struct call *call, const char *path, struct buf *out);

#endif
