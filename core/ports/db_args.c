#include "ports/db_args.h"

#include <endian.h>
#include <string.h>

/* pg_type.dat: stable since the first releases that had them. */
static const struct {
	uint32_t item, array;
} types[] = {
	[DB_BOOL] = {16, 1000},
	[DB_INT2] = {21, 1005},
	[DB_INT4] = {23, 1007},
	[DB_INT8] = {20, 1016},
	[DB_TEXT] = {25, 1009},
	[DB_BYTES] = {17, 1001},
	[DB_ID] = {2950, 2951},
	[DB_TIME] = {1184, 1185},
};

enum { TYPE_FLOAT8 = 701 };

void db_args_init(struct db_args *a)
{
	a->n = 0;
	buf_init(&a->bytes, DB_ARGS_BYTES_MAX);
}

void db_args_clear(struct db_args *a)
{
	if (a == NULL)
		return;
	buf_clear(&a->bytes);
	a->n = 0;
}

static void put(struct db_args *a, const void *bytes, size_t len)
{
	(void)buf_append(&a->bytes, bytes, len);
	if (a->n > 0)
		a->arg[a->n - 1].len += len;
}

static void put32(struct db_args *a, uint32_t v)
{
	v = htobe32(v);
	put(a, &v, sizeof(v));
}

static void put64(struct db_args *a, uint64_t v)
{
	v = htobe64(v);
	put(a, &v, sizeof(v));
}

static void start(struct db_args *a, uint32_t type, bool null)
{
	if (a->n == DB_ARGS_MAX) {
		a->bytes.err = ERR_TOO_LARGE;
		return;
	}
	a->arg[a->n].type = type;
	a->arg[a->n].null = null;
	a->arg[a->n].at = a->bytes.len;
	a->arg[a->n].len = 0;
	a->n++;
}

static uint64_t time_of(int64_t unix_ms)
{
	return (uint64_t)((unix_ms - DB_EPOCH_MS) * 1000);
}

void db_arg_bool(struct db_args *a, bool v)
{
	char byte = v ? 1 : 0;

	start(a, types[DB_BOOL].item, false);
	put(a, &byte, 1);
}

void db_arg_int4(struct db_args *a, int32_t v)
{
	start(a, types[DB_INT4].item, false);
	put32(a, (uint32_t)v);
}

void db_arg_int8(struct db_args *a, int64_t v)
{
	start(a, types[DB_INT8].item, false);
	put64(a, (uint64_t)v);
}

void db_arg_int4_if(struct db_args *a, bool has, int32_t v)
{
	start(a, types[DB_INT4].item, !has);
	if (has)
		put32(a, (uint32_t)v);
}

void db_arg_int8_if(struct db_args *a, bool has, int64_t v)
{
	start(a, types[DB_INT8].item, !has);
	if (has)
		put64(a, (uint64_t)v);
}

void db_arg_float8_if(struct db_args *a, bool has, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	start(a, TYPE_FLOAT8, !has);
	if (has)
		put64(a, bits);
}

void db_arg_text(struct db_args *a, const char *v)
{
	start(a, types[DB_TEXT].item, v == NULL);
	if (v != NULL)
		put(a, v, strlen(v));
}

void db_arg_bytes(struct db_args *a, struct db_bytes v)
{
	start(a, types[DB_BYTES].item, v.bytes == NULL);
	if (v.bytes != NULL)
		put(a, v.bytes, v.len);
}

void db_arg_id(struct db_args *a, struct id v)
{
	start(a, types[DB_ID].item, false);
	put(a, v.bytes, sizeof(v.bytes));
}

void db_arg_id_or_null(struct db_args *a, struct id v)
{
	start(a, types[DB_ID].item, id_is_zero(v));
	if (!id_is_zero(v))
		put(a, v.bytes, sizeof(v.bytes));
}

void db_arg_time(struct db_args *a, int64_t unix_ms)
{
	start(a, types[DB_TIME].item, unix_ms == 0);
	if (unix_ms != 0)
		put64(a, time_of(unix_ms));
}

void db_arg_texts_null(struct db_args *a)
{
	start(a, types[DB_TEXT].array, true);
}

void db_arg_ids(struct db_args *a, const struct id *v, size_t n)
{
	size_t i;

	db_array(a, DB_ID, n);
	for (i = 0; i < n; i++)
		db_item_id(a, v[i]);
}

void db_array(struct db_args *a, enum db_type type, size_t n)
{
	start(a, types[type].array, false);
	put32(a, n == 0 ? 0 : 1); /* dimensions */
	put32(a, 1);		  /* may hold nulls */
	put32(a, types[type].item);
	if (n == 0)
		return;
	put32(a, (uint32_t)n);
	put32(a, 1); /* lower bound */
}

void db_item_null(struct db_args *a)
{
	put32(a, UINT32_MAX);
}

void db_item_bool(struct db_args *a, bool v)
{
	char byte = v ? 1 : 0;

	put32(a, 1);
	put(a, &byte, 1);
}

void db_item_int2(struct db_args *a, int16_t v)
{
	uint16_t big = htobe16((uint16_t)v);

	put32(a, sizeof(big));
	put(a, &big, sizeof(big));
}

void db_item_int4(struct db_args *a, int32_t v)
{
	put32(a, 4);
	put32(a, (uint32_t)v);
}

void db_item_int8(struct db_args *a, int64_t v)
{
	put32(a, 8);
	put64(a, (uint64_t)v);
}

void db_item_bytes(struct db_args *a, struct db_bytes v)
{
	if (v.bytes == NULL) {
		db_item_null(a);
		return;
	}
	put32(a, (uint32_t)v.len);
	put(a, v.bytes, v.len);
}

void db_item_text(struct db_args *a, const char *v)
{
	db_item_bytes(a, (struct db_bytes){v, v != NULL ? strlen(v) : 0});
}

void db_item_id(struct db_args *a, struct id v)
{
	put32(a, sizeof(v.bytes));
	put(a, v.bytes, sizeof(v.bytes));
}

void db_item_id_or_null(struct db_args *a, struct id v)
{
	if (id_is_zero(v))
		db_item_null(a);
	else
		db_item_id(a, v);
}

void db_item_time(struct db_args *a, int64_t unix_ms)
{
	if (unix_ms == 0) {
		db_item_null(a);
		return;
	}
	put32(a, 8);
	put64(a, time_of(unix_ms));
}
