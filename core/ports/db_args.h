/* db_args.h - a statement's arguments, built in Postgres' binary form.
 *
 * A failed append is remembered in bytes.err and told when the transaction ends,
 * so that a run of calls needs no check. At most DB_ARGS_MAX arguments.
 *
 * Threads: one owner.  Memory: db_args_clear frees, NULL is fine; db_query takes it over. */
#ifndef PORTS_DB_ARGS_H
#define PORTS_DB_ARGS_H

#include "ground/buf.h"
#include "ground/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where Postgres counts its microseconds from: 2000-01-01, as unix time. */
#define DB_EPOCH_MS INT64_C(946684800000)

/* A slice of somebody else's memory. NULL bytes is SQL's null, in both directions. */
struct db_bytes {
	const void *bytes;
	size_t len;
};

enum { DB_ARGS_MAX = 48, DB_ARGS_BYTES_MAX = 256 << 20 };
struct db_args {
	struct buf bytes;
	size_t n;
	struct {
		uint32_t type;
		bool null;
		size_t at, len;
	} arg[DB_ARGS_MAX];
};
/* Element types of arrays. */
enum db_type { DB_BOOL, DB_INT2, DB_INT4, DB_INT8, DB_TEXT, DB_BYTES, DB_ID, DB_TIME };

void db_args_init(struct db_args *a);
void db_args_clear(struct db_args *a);
void db_arg_bool(struct db_args *a, bool v);
void db_arg_int4(struct db_args *a, int32_t v);
void db_arg_int8(struct db_args *a, int64_t v);
/* Null unless has. */
void db_arg_int4_if(struct db_args *a, bool has, int32_t v);
void db_arg_int8_if(struct db_args *a, bool has, int64_t v);
void db_arg_float8_if(struct db_args *a, bool has, double v);
void db_arg_text(struct db_args *a, const char *v);	 /* NULL = null */
void db_arg_bytes(struct db_args *a, struct db_bytes v); /* NULL bytes = null */
void db_arg_id(struct db_args *a, struct id v);
void db_arg_id_or_null(struct db_args *a, struct id v); /* the zero id = null */
void db_arg_time(struct db_args *a, int64_t unix_ms);	/* 0 = null */
void db_arg_texts_null(struct db_args *a);
void db_arg_ids(struct db_args *a, const struct id *v, size_t n);
/* An array of n elements: db_array, then exactly n of the item calls of that type. */
void db_array(struct db_args *a, enum db_type type, size_t n);
void db_item_bool(struct db_args *a, bool v);
void db_item_int2(struct db_args *a, int16_t v);
void db_item_int4(struct db_args *a, int32_t v);
void db_item_int8(struct db_args *a, int64_t v);
void db_item_text(struct db_args *a, const char *v);
void db_item_bytes(struct db_args *a, struct db_bytes v);
void db_item_id(struct db_args *a, struct id v);
void db_item_id_or_null(struct db_args *a, struct id v);
void db_item_time(struct db_args *a, int64_t unix_ms);
void db_item_null(struct db_args *a);

/* An array of n values, one for each i from 0: DB_COLUMN(a, n, int8, batch[i]->fence) makes it with
 * db_item_int8. Call and type cannot differ. */
#define DB_COLUMN(args, n, item, ...)                      \
	do {                                               \
		db_array(args, DB_TYPE_##item, n);         \
		for (size_t i = 0; i < (n); i++)           \
			db_item_##item(args, __VA_ARGS__); \
	} while (0)
#define DB_TYPE_bool	   DB_BOOL
#define DB_TYPE_int2	   DB_INT2
#define DB_TYPE_int4	   DB_INT4
#define DB_TYPE_int8	   DB_INT8
#define DB_TYPE_text	   DB_TEXT
#define DB_TYPE_bytes	   DB_BYTES
#define DB_TYPE_id	   DB_ID
#define DB_TYPE_id_or_null DB_ID
#define DB_TYPE_time	   DB_TIME

#endif
