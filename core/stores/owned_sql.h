/* owned_sql.h - what a tenant asks for by an id that may be another's.
 *
 * An index on ids alone finds another tenant's row, fetches it, and then finds that it must not
 * be shown: a microsecond that told it from an id which nobody has. Here the tenant's own ids
 * are walked to the place of the one that is asked for, and the row that is found there, that
 * one or the next, is compared: another's id and nobody's lead to the same row.
 *
 * For core/stores only. */
#ifndef STORES_OWNED_SQL_H
#define STORES_OWNED_SQL_H

#include "stores/audit.h"

/* The row of a table whose `key` is `id`, if the tenant `of` has it; the zero id: whoever has it.
 * Compared as a pair: no index on ids alone can answer that, so no planner takes one. */
#define OWNED(table, key, of, id)                                                         \
	"(select n.* from ((select * from " table " where " of " <> " AUDIT_SYSTEM_SQL    \
	"::uuid and (tenant_id, " key ") >= (" of ", " id ") order by tenant_id, " key    \
	" limit 1) union all (select * from " table " where " of " = " AUDIT_SYSTEM_SQL   \
	"::uuid and " key " = " id ")) n where n." key " = " id " and (n.tenant_id = " of \
	" or " of " = " AUDIT_SYSTEM_SQL "::uuid))"

#endif
