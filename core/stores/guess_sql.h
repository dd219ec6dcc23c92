/* guess_sql.h - what an attempt used that its holder did not end, as far as the record knows.
 *
 * A statement of the leader that ends attempts has them as rows of ends (tenant_id, job_id,
 * kind, held_by, event_from, event_to, place: their order). GUESS_USED makes rows of used of
 * them, with sent and wrote: tokens of the input, and of the text that the record has of the
 * attempt, where its kind (an argument, guess_kinds_arg) calls a model and its holder did not
 * tell that it waited to call. Lengths are only told of tenants that the transaction names
 * (app.tenants), whoever asks. The holder's own word takes the guess' place (finish_usage).
 *
 * For core/stores only. */
#ifndef STORES_GUESS_SQL_H
#define STORES_GUESS_SQL_H

#include "domain/usage.h"
#include "ports/db.h"
#include "stores/store_call.h"
#include "stores/usage_sql.h"

#define GUESS_TOKENS(bytes) \
	"(" bytes " + " SQL_NUMBER(USAGE_TOKEN_BYTES) " - 1) / " SQL_NUMBER(USAGE_TOKEN_BYTES)
#define GUESS_CALLED(kinds, bytes)      \
	"case when e.kind = any(" kinds \
	") and e.held_by is null then " GUESS_TOKENS(bytes) " else 0 end"
#define GUESS_SENT(kinds)  GUESS_CALLED(kinds, "w.inputs[e.place]")
#define GUESS_WROTE(kinds) GUESS_CALLED(kinds, "w.outputs[e.place]")
#define GUESS_USED(kinds)                                                                      \
	"weights as materialized (select w.* from (select array_agg(tenant_id order by place)" \
	" as tenants, array_agg(job_id order by place) as jobs, array_agg(event_from order by" \
	" place) as firsts, array_agg(event_to order by place) as lasts from ends) a"          \
	" cross join lateral attempts_weigh(a.tenants, a.jobs, a.firsts, a.lasts) w),"         \
	" used as materialized (select e.*, " GUESS_SENT(kinds) " as sent, " GUESS_WROTE(      \
		kinds) " as wrote from weights w cross join ends e)"
/* Booked in the sums by day: from's rows have sent, wrote, and what the holder told of the call
 * (asked, asked_model). */
#define GUESS_SUMS(from)                                                                  \
	USAGES("(select tenant_id, queue_id, coalesce(asked, '') as upstream,"            \
	       " coalesce(asked_model, model) as model, true as estimated,"               \
	       " sent as input_tokens, wrote as output_tokens, 0 as cost_nano from " from \
	       " where sent + wrote > 0) guessed",                                        \
		SQL_NUMBER(USAGE_SHARD_LEADER))

/* Kinds that call a model. */
void guess_kinds_arg(struct db_args *args);

#endif
