#include "ports/db_rows.h"
#include "ports/db_inside.h"

#include <endian.h>
#include <string.h>

size_t db_reply_n(const struct db_reply *reply)
{
	return reply->n;
}

const struct db_rows *db_reply_rows(const struct db_reply *reply, size_t i)
{
	return &reply->rows[i];
}

size_t db_rows_n(const struct db_rows *r)
{
	return r->pg != NULL ? (size_t)PQntuples(r->pg) : 0;
}

bool db_null(const struct db_rows *r, size_t row, int col)
{
	return PQgetisnull(r->pg, (int)row, col) != 0;
}

int64_t db_int(const struct db_rows *r, size_t row, int col)
{
	const char *value = PQgetvalue(r->pg, (int)row, col);
	uint16_t two;
	uint32_t four;
	uint64_t eight;

	switch (PQgetlength(r->pg, (int)row, col)) {
	case 1:
		return *value;
	case 2:
		memcpy(&two, value, 2);
		return (int16_t)be16toh(two);
	case 4:
		memcpy(&four, value, 4);
		return (int32_t)be32toh(four);
	case 8:
		memcpy(&eight, value, 8);
		return (int64_t)be64toh(eight);
	default:
		return 0;
	}
}

double db_float(const struct db_rows *r, size_t row, int col)
{
	uint64_t bits = (uint64_t)db_int(r, row, col);
	double v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

struct id db_id(const struct db_rows *r, size_t row, int col)
{
	struct id id = {{0}};

	if (PQgetlength(r->pg, (int)row, col) == (int)sizeof(id.bytes))
		memcpy(id.bytes, PQgetvalue(r->pg, (int)row, col), sizeof(id.bytes));
	return id;
}

int64_t db_time(const struct db_rows *r, size_t row, int col)
{
	int64_t us = db_int(r, row, col);

	if (db_null(r, row, col))
		return 0;
	/* Floor, also before 2000. */
	return DB_EPOCH_MS + us / 1000 - (us % 1000 < 0 ? 1 : 0);
}

const char *db_text(const struct db_rows *r, size_t row, int col)
{
	return PQgetvalue(r->pg, (int)row, col);
}

struct db_bytes db_value(const struct db_rows *r, size_t row, int col)
{
	if (db_null(r, row, col))
		return (struct db_bytes){NULL, 0};
	return (struct db_bytes){
		PQgetvalue(r->pg, (int)row, col), (size_t)PQgetlength(r->pg, (int)row, col)};
}
