/* db_rows.h - what a statement returned, read by row and column.
 *
 * Threads: those of the connection.  Memory: everything points into the reply
 * and is valid until the callback that got it returns. */
#ifndef PORTS_DB_ROWS_H
#define PORTS_DB_ROWS_H

#include "ports/db_args.h"

struct db_rows;
struct db_reply;

size_t db_reply_n(const struct db_reply *reply);
/* The i-th statement's rows. */
const struct db_rows *db_reply_rows(const struct db_reply *reply, size_t i);
size_t db_rows_n(const struct db_rows *r);
bool db_null(const struct db_rows *r, size_t row, int col);
/* Null reads as 0, false, "" or NULL bytes. Integers of any width, booleans. */
int64_t db_int(const struct db_rows *r, size_t row, int col);
double db_float(const struct db_rows *r, size_t row, int col);
struct id db_id(const struct db_rows *r, size_t row, int col);
int64_t db_time(const struct db_rows *r, size_t row, int col);	   /* unix ms; null = 0 */
const char *db_text(const struct db_rows *r, size_t row, int col); /* also of enums, names */
struct db_bytes db_value(const struct db_rows *r, size_t row, int col);

#endif
