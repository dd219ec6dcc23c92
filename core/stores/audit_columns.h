/* audit_columns.h - the columns that an audit row is hashed and exported from, in one order.
 *
 * For core/stores only. */
#ifndef STORES_AUDIT_COLUMNS_H
#define STORES_AUDIT_COLUMNS_H

#include "domain/audit_line.h"
#include "ports/db_rows.h"

/* By float8, which has the microsecond until 2112 (extract would compute in numeric, ten times as
 * long). */
#define AUDIT_US(at) "(date_part('epoch', " at ") * 1000000)::int8"
#define AUDIT_ROW                                                                            \
	AUDIT_US("a.at")                                                                     \
	", a.tenant_id, a.actor_kind, a.actor, a.source, a.credential, a.request, a.action," \
	" a.object, a.outcome, a.reason, a.count"
enum { AUDIT_ROW_COLUMNS = 12 };

/* Words point into the reply. */
static inline void audit_row_take(struct audit_row *row, const struct db_rows *r, size_t i)
{
	*row = (struct audit_row){
		.at_us = db_int(r, i, 0),
		.tenant = db_id(r, i, 1),
		.kind = db_text(r, i, 2),
		.actor = db_id(r, i, 3),
		.source = db_id(r, i, 4),
		.credential = db_id(r, i, 5),
		.request = db_id(r, i, 6),
		.action = db_text(r, i, 7),
		.object = db_id(r, i, 8),
		.outcome = db_text(r, i, 9),
		.reason = db_text(r, i, 10),
		.count = db_int(r, i, 11),
	};
}

#endif
