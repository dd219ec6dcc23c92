/* room_sql.h - how many more jobs a queue and a tenant may have, for the statements that add some.
 *
 * One reading of the caps for all ways in: submit.c, and retries and moves (job_change_sql.c).
 * Counted are jobs that are queued or wait, by the leader's last count (dispatch_flow.c): what
 * was let in since is not in it, but for retries, which add theirs (ROOM_TAKEN).
 *
 * For core/stores only. */
#ifndef STORES_ROOM_SQL_H
#define STORES_ROOM_SQL_H

#define ROOM_ENDLESS "9223372036854775807"

/* Every queue (alias q) with its last count (alias f). */
#define ROOM_QUEUES                                                                \
	" queue q left join lateral (select f.queued, f.waiting, f.oldest_at from" \
	"   queue_flow f where f.queue_id = q.queue_id limit 1) f on true"

/* The places left in it: none while it drains or its oldest job waits too long. */
#define ROOM_OF_QUEUE                                                                   \
	" case when q.draining or (q.max_age_s > 0 and coalesce(f.oldest_at <= now() -" \
	"   make_interval(secs => q.max_age_s), false)) then 0"                         \
	"  when q.max_queued = 0 then " ROOM_ENDLESS                                    \
	"  else greatest(0, q.max_queued - coalesce(f.queued + f.waiting, 0)) end"

/* The places that a row of tenant_limit (alias l) leaves its tenant. */
#define ROOM_OF_TENANT                                                          \
	" case when l.max_queued > 0 then greatest(0, l.max_queued - l.queued)" \
	"  else " ROOM_ENDLESS " end"

/* Adds what UPD put to the last count, so that the next page finds fewer places; the next count
 * replaces it. Whoever holds a row is not waited for: the places are then told by that count. */
#define ROOM_TAKEN(UPD)                                                               \
	" taken as materialized (select tenant_id, queue_id, count(*) as n from " UPD \
	"   group by 1, 2),"                                                          \
	" of_queue as (update queue_flow f set queued = f.queued + t.n from"          \
	"   (select queue_id, sum(n)::bigint as n from taken group by 1) t"           \
	"  where f.queue_id = t.queue_id and f.ctid = any(array(select f.ctid"        \
	"   from queue_flow f where f.queue_id in (select q.queue_id from queue q"    \
	"    where q.max_queued > 0 and q.queue_id in (select queue_id from taken))"  \
	"   for update skip locked))),"                                               \
	" of_tenant as (update tenant_limit l set queued = l.queued + t.n from"       \
	"   (select tenant_id, sum(n)::bigint as n from taken group by 1) t"          \
	"  where l.tenant_id = t.tenant_id and l.ctid = any(array(select l.ctid"      \
	"   from tenant_limit l where l.max_queued > 0"                               \
	"   and l.tenant_id in (select tenant_id from taken) for update skip locked)))"

#endif
