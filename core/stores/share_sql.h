/* share_sql.h - who is next: queues by weight, their tenants by deficit, then aged priority.
 *
 * For the two statements that choose ready rows: the dispatcher's pick and the
 * direct claim. Both bring a row per queue,
 *
 *   queues(queue_id, weight, held, free, rated)   free: room left, NULL = any
 *
 * and get share(queue_id, tenant_id, n, ord): take the first n rows of each, in
 * that order; and owing(queue_id, tenant_id, owed): what domain/deficit.h must
 * remember; queues that were not asked owe what they owed. A row of owing with
 * owed = -1 is the tenant the next turn begins after.
 *
 * How: a tenant's jobs, first come first, have a level: units up to this one, less
 * what the tenant is owed, by its weight. Granting every tenant the same quantum a
 * round is taking jobs in the order of their levels; at equal levels aged priority
 * decides. Among queues the one that holds least for its weight is next; one that
 * holds nothing comes before any weight counts, the oldest first, so none starves.
 *
 * At most SHARE_TENANTS tenants of a queue are looked at in turn, beside those that
 * are owed; and of each its first jobs, as many as are its share.
 * Rows are chosen without a lock and then taken with SKIP LOCKED: two claimers
 * that choose the same rows get neighbours.
 *
 * For core/stores only. */
#ifndef STORES_SHARE_SQL_H
#define STORES_SHARE_SQL_H

#include "domain/deficit.h"
#include "ports/db_args.h"

/* The three arrays, of one queue's or (0) of all deficits; NULL = none. */
void share_deficit_args(struct db_args *a, const struct deficits *deficits, int32_t queue_id);

#define SHARE_TENANTS "128"

#ifdef CONTROL_WITHOUT_SHARE
/* The tests' negative control (MODE=unfenced), never to be run: who came first is next. */
#define SHARE_BY		"s.rank"
#define SHARE_MOST(MAX, SPREAD) MAX "::int8"
#else
#define SHARE_BY		"s.level, s.rank"
#define SHARE_MOST(MAX, SPREAD) "ceil(" SPREAD " * " MAX " * w.share / sum(w.share) over ())::int8"
#endif

/* Live leases of a tenant, whoever holds them. TENANT is no column of an alias used in here. */
#define SHARE_RUNNING(TENANT)                                                                \
	" (select count(*) from worker busy cross join lateral (select 1 from job_lease its" \
	"  where its.worker_id = busy.worker_id and its.tenant_id = " TENANT ") its"         \
	"  where busy.gone is null)"

/* clang-format off */

/* The ready rows of a pair of queue and tenant (alias q) in their order, as far as FILTER lets. */
#define SHARE_ROWS(COLUMNS, FILTER, LIMIT)                                                       \
	" (select " COLUMNS " from job_ready r where r.tenant_id = q.tenant_id"                  \
	"   and r.queue_id = q.queue_id and (r.deadline_at is null or r.deadline_at > now())"    \
	"   and " FILTER " order by r.tenant_id, r.queue_id, r.rank, r.job_id limit " LIMIT ")"

/* Who has work: those that are owed, and others in turn. */
#define SHARE_PAIRS(QUEUES, TENANTS, OWED, AFTER, FILTER)                                        \
	" owed as materialized (select * from unnest(" QUEUES ", " TENANTS ", " OWED ")"         \
	"   o(queue_id, tenant_id, owed)),"                                                      \
	" pair as materialized (select q.* from"                                                 \
	"   (select q.*, o.tenant_id, o.owed, 0::int8 as turn from queues q cross join owed o"   \
	"     where o.queue_id = q.queue_id) q"                                                  \
	"   cross join lateral (select 1 from ready_head h where h.tenant_id = q.tenant_id"      \
	"     and h.queue_id = q.queue_id and not h.blocked limit 1) h"                          \
	"   cross join lateral" SHARE_ROWS("1", FILTER, "1") " r"                                \
	"  union all select h.* from queues v cross join lateral"                                \
	"   (select q.*, 0::int8, row_number() over () from"                                     \
	"     (select v.*, h.tenant_id from ready_head h where h.queue_id = v.queue_id"          \
	"       and not h.blocked and (h.queue_id, h.tenant_id) not in"                          \
	"        (select queue_id, tenant_id from owed)"                                         \
	"       order by (h.tenant_id <= " AFTER "), h.tenant_id) q"                             \
	"     cross join lateral" SHARE_ROWS("1", FILTER, "1") " r limit " SHARE_TENANTS ") h),"

/* What each is worth, and how many of its rows are looked at: SPREAD times its share. */
#define SHARE_LINE(MAX, SPENT, SPREAD)                                                           \
	" worth as materialized (select p.*, coalesce(l.weight, 1) as part, case when"           \
	"   l.max_running > 0 then l.max_running -" SPENT " end as room from pair p"             \
	"   left join lateral (select weight, max_running from tenant_limit l"                   \
	"     where l.tenant_id = p.tenant_id limit 1) l on true),"                              \
	" line as materialized (select w.*,"                                                     \
	"   " SHARE_MOST(MAX, SPREAD) " as most from"                                            \
	"   (select w.*, w.weight * w.part::float8 / sum(w.part) over (partition by w.queue_id)" \
	"     as share from worth w where coalesce(w.room, 1) > 0) w),"

#define SHARE_SEEN(FILTER)                                                                       \
	" seen as materialized (select q.queue_id, q.tenant_id, q.weight, q.held, q.free,"       \
	"   q.part, q.owed, q.most, r.rank, r.job_id, r.upto,"                                   \
	"   (r.upto - q.owed) / q.part::float8 as level from line q cross join lateral"          \
	"   (select r.rank, r.job_id, 1000 * sum(r.units) over (order by r.rank, r.job_id)"      \
	"     as upto from" SHARE_ROWS("r.rank, r.job_id, r.units", FILTER,                      \
		"least(q.most, q.room, q.free)") " r) r),"

/* The rows in the order of their choice (ord), those that a queue has no room for last (over): of
 * one queue, which is cheaper, or of several. */
#define SHARE_RANK_ONE                                                                           \
	" ranked as materialized (select s.*, coalesce(s.ord > s.free, false) as over from"      \
	"   (select s.*, row_number() over (order by " SHARE_BY ") as ord from seen s) s),"
#define SHARE_RANK_MANY                                                                          \
	" nth as materialized (select s.*, row_number() over (partition by s.queue_id"           \
	"   order by " SHARE_BY ") as nth from seen s),"                                      \
	" ranked as materialized (select n.*, row_number() over (order by n.over,"               \
	"   case when n.held + n.nth = 1 then 0 else (n.held + n.nth) / n.weight::float8 end,"   \
	"   n.rank, n.job_id) as ord from"                                                       \
	"   (select n.*, coalesce(n.nth > n.free, false) as over from nth n) n),"

#define SHARE_CHOSEN(MAX)                                                                        \
	" chosen as materialized (select r.*, r.over or r.ord > " MAX " as stays from ranked r)," \
	" top as materialized (select queue_id, greatest(0, max(level)) as level from chosen"    \
	"   where not stays group by queue_id),"                                                 \
	" share as materialized (select queue_id, tenant_id, part, owed, most,"                  \
	"   count(*) as seen, count(*) filter (where not stays) as n, min(ord) as ord,"          \
	"   coalesce(max(upto) filter (where not stays), 0) as paid"                             \
	"   from chosen group by queue_id, tenant_id, part, owed, most),"                        \
	" owing as materialized (select s.queue_id, s.tenant_id, greatest(0, s.owed - s.paid +"  \
	"   (coalesce((select level from top t where t.queue_id = s.queue_id), 0)"               \
	"     * s.part)::int8) as owed from share s where s.seen > s.n or s.seen >= s.most"      \
	"  union all (select p.queue_id, p.tenant_id, -1::int8 from pair p"                      \
	"   where p.turn = " SHARE_TENANTS " limit 1)"                                           \
	"  union all select o.queue_id, o.tenant_id, o.owed from owed o"                         \
	"   where o.queue_id not in (select queue_id from queues))"

/* clang-format on */

#endif
