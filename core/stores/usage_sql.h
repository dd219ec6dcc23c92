/* usage_sql.h - sums by day, as every statement that books usage writes them.
 *
 * For core/stores only. */
#ifndef STORES_USAGE_SQL_H
#define STORES_USAGE_SQL_H

/* The leader's share of the sums, behind those of workers (finish.c). Its guesses, which may know
 * no upstream, are rows without one. */
#define USAGE_SHARD_LEADER 64

#define USAGE_ROWS                                                                           \
	"insert into usage_day (tenant_id, day, queue_id, upstream, model, shard, attempts," \
	"  estimated, input_tokens, output_tokens, cost_nano)"
#define USAGE_ADDED                                                                     \
	" on conflict (tenant_id, day, queue_id, upstream, model, shard) do update set" \
	"  attempts = usage_day.attempts + excluded.attempts,"                          \
	"  estimated = usage_day.estimated + excluded.estimated,"                       \
	"  input_tokens = usage_day.input_tokens + excluded.input_tokens,"              \
	"  output_tokens = usage_day.output_tokens + excluded.output_tokens,"           \
	"  cost_nano = usage_day.cost_nano + excluded.cost_nano"

/* What attempts used, added up by day (a parked one made no call): rows of a worker's own share, in
 * one order. */
#define USAGES(from, shard)                                                                     \
	", usages as (" USAGE_ROWS                                                              \
	" select tenant_id, (now() at time zone 'utc')::date, queue_id, upstream,"              \
	"  coalesce(model, ''), " shard "::int4, count(*), count(*) filter (where estimated),"  \
	"  sum(input_tokens)::int8, sum(output_tokens)::int8, sum(cost_nano)::int8"             \
	" from " from                                                                           \
	" where upstream is not null group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5" USAGE_ADDED \
	")"

#endif
