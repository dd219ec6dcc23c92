#include "stores/tidy.h"

#include "stores/term_work.h"

/* A worker's row stays while it holds leases: the reaper finds them through it. A family's tokens
 * go with it; it stays to its end, ended before or not, so that a second use is known for one. */
#define OF_W(name) "delete from " name " where worker_id = any(array(select worker_id from w))"
static const struct db_stmt TIDY_PAGE = {.name = "tidy_page",
	.sql = "with " TERM_SQL ","
	       " gone as (delete from process where " TERM_HELD
	       " and seen_at < now() - interval '1 hour'),"
	       " w as materialized (select worker_id from worker w where " TERM_HELD
	       " and gone_at < now() - interval '1 day' and not exists"
	       " (select from job_lease l where l.worker_id = w.worker_id) limit $2),"
	       " beats as (" OF_W("worker_beat") "), notices as (" OF_W(
		       "worker_notice") "),"
					" grants as (" OF_W("worker_grant") "), begun as (" OF_W("worker_started") "), crashes as (" OF_W(
						"worker_crash") "),"
								" workers as (" OF_W(
									"worker") " returning 1),"
										  " k as materialized (select ctid as at from idempotency where " TERM_HELD
										  " and expires_at < now() order by expires_at limit $2),"
										  " keys as (delete from idempotency where ctid = any(array(select at from k)) returning 1),"
										  " r as materialized (select ctid as at from revocation where " TERM_HELD
										  " and ends_at < now() - interval '1 hour' order by ends_at limit $2),"
										  " revocations as (delete from revocation where ctid = any(array(select at from r)) returning 1),"
										  " f as materialized (select ctid as at from refresh_family where " TERM_HELD
										  " and expires_at < now() order by expires_at limit $2),"
										  " families as (delete from refresh_family where ctid = any(array(select at from f)) returning 1)"
										  " select " TERM_REPLY
										  ", greatest((select count(*) from workers), (select count(*) from keys),"
										  " (select count(*) from revocations), (select count(*) from families))",
	false};

enum err tidy_page(struct db *db, int64_t term, size_t limit, term_work_done *done, void *ctx)
{
	return term_work_run(db, &TIDY_PAGE, term, limit, done, ctx);
}
