/* job_key_sql.h - a job's row, changed where another may be changing it just now.
 *
 * A statement that meets another's change of a row waits for it and asks its conditions again of
 * the row's new version. An address (ctid) is no longer right then (a TID scan checks since
 * PostgreSQL 15.15, a join always did): the job would be passed over, and what the same statement
 * did beside it, its ready row deleted, would stand. A key is still right.
 *
 * For core/stores only. */
#ifndef STORES_JOB_KEY_SQL_H
#define STORES_JOB_KEY_SQL_H

/* The job j of the row k. With = on the tenant, the planner could merge, and would begin with a
 * walk through all jobs if it believes that they are few; any(array[]) can only be looked up. */
#define JOB_KEYED(k) "j.tenant_id = any(array[" k ".tenant_id]) and j.job_id = " k ".job_id"

#endif
