/* output.h - results: JSON, tables, text that is safe to show.
 *
 * What a model wrote may hold control characters that would drive a terminal;
 * on one they are shown as "?". Pipes and files get every byte as it came.
 *
 * Threads: one.  Memory: a table owns its cells. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "call.h"

#include "ground/buf.h"
#include "ports/json.h"

/* Prints value and a newline: indented on a terminal, one line elsewhere. */
enum outcome output_json(const struct call *call, const json_t *value);
/* The same, and takes the reference; NULL (out of memory) is said. */
enum outcome output_json_new(const struct call *call, json_t *value);

bool output_is_terminal(FILE *out);
void output_text(FILE *out, const char *text, size_t len);

enum { TABLE_COLUMNS_MAX = 12 };
struct table {
	const char *const *names; /* column heads, ends with NULL; static */
	size_t columns;
	size_t widths[TABLE_COLUMNS_MAX];
	size_t n; /* cells */
	struct buf cells;
};
void table_init(struct table *t, const char *const *names);
/* The next cell, row by row; NULL and "" show as "-". */
void table_cell(struct table *t, const char *text);
void table_number(struct table *t, int64_t number);
/* Prints heads and rows, columns two spaces apart. Says when memory ran out. */
enum outcome table_print(const struct call *call, struct table *t);
void table_clear(struct table *t);

/* Appends a text of JSON, its numbers with no more digits than tell them apart. */
void output_json_put(const char *text, struct buf *out);

#endif
