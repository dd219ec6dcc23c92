/* access_sql.h - a change of a tenant's roles or users moves its version, or does not happen.
 *
 * Whoever checked a change against the roles as they were at some version makes it only
 * if that is the version still, and if the record believes him still (believed.h). The CTE `v` is
 * empty when it is not: whatever a statement writes is selected from it. Arguments: $1 tenant, $2
 * the version expected.
 *
 * Threads: constants. */
#ifndef STORES_ACCESS_SQL_H
#define STORES_ACCESS_SQL_H

#include "stores/believed.h"

#define ACCESS_MOVE                                                               \
	"with v as (insert into access_version as v (tenant_id, version)"         \
	" select $1, 1 where ($2::int8 = 0 or exists (select from access_version" \
	"  where tenant_id = $1 and version = $2)) and" BELIEVED                  \
	" on conflict (tenant_id) do update set version = v.version + 1,"         \
	"  changed_by = pg_current_xact_id()::text::int8 where v.version = $2"    \
	" returning version)"

#endif
