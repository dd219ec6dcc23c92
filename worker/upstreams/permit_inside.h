/* permit_inside.h - what permit.c and its neighbours permit_*.c share. For them only.
 *
 * Threads: the loop's.  Memory: permit.c's. */
#ifndef UPSTREAMS_PERMIT_INSIDE_H
#define UPSTREAMS_PERMIT_INSIDE_H

#include "upstreams/permit.h"
#include "upstreams/scope.h"
#include "upstreams/shared_limits.h"

struct permits {
	struct permits_options options;
	struct scopes scopes;
	struct scopes payers;	      /* who has a limit of tokens */
	struct shared_limits *shared; /* NULL = no Redis */
	struct loop_timer *timer;
	size_t waiting;
	uint64_t pass; /* over those that wait */
};

static inline const struct config *permits_config(const struct permits *p)
{
	return *p->options.config;
}

static inline int64_t permits_now(const struct permits *p)
{
	return loop_now_ms(p->options.loop);
}

static inline struct quota_fleet permits_fleet(const struct permits *p)
{
	return (struct quota_fleet){
		shared_limits_alone(p->shared), shared_limits_workers(p->shared)};
}

/* Is it known when to ask again? Else somebody else's end decides, and those who wait stand in
 * line. */
static inline bool permit_is_timed(enum permit_block by)
{
	return by != PERMIT_CONCURRENCY && by != PERMIT_PACING && by != PERMIT_TOKENS;
}

/* Where a permit stands that is blocked so. */
static inline struct scope *permit_place(const struct permit *permit, enum permit_block by)
{
	return by == PERMIT_TOKENS ? permit->lacks : permit->scope;
}

/* Counts a permit among those that wait, and no more. Leaving is harmless for one that does not. */
void permit_wait_join(struct permits *p, struct permit *permit, enum permit_block by);
void permit_wait_leave(struct permits *p, struct permit *permit);
/* May it wait here? A job in line keeps its place in the order of the pass; a newcomer is behind
 * all of them. wait_ms: until it is of use to ask again, where that is known. */
bool permit_may_stay(
	struct permits *p, const struct permit *permit, enum permit_block by, int64_t wait_ms);
/* It may not; but may it go back to the record now? Else once the fleet was told of those before.
 */
bool permit_may_park(struct permits *p, const struct scope *place, enum permit_block by);
/* It may: come again after this. */
int64_t permit_park_ms(struct permits *p, struct scope *place, enum permit_block by, double tokens,
	int64_t wait_ms);

/* Where a job stands that it sends back. */
struct scope_line *permit_line_of(struct scope *place, enum permit_block by);
/* What stands against a call of so many tokens; *ret_wait_ms: 0 where nobody can say. */
enum permit_block permit_blocked(
	struct permits *p, struct scope *scope, bool retry, double tokens, int64_t *ret_wait_ms);

/* Whose tokens an ask is charged to: none where nobody has a limit.
 * PERMIT_NOTHING; PERMIT_COPY: a limit is not known yet; PERMIT_TOKENS: no memory, or no room. */
enum permit_block payers_find(
	struct permits *p, const struct permit_ask *ask, struct permit_payers *ret_payers);
/* PERMIT_NOTHING, PERMIT_COPY or, of the one that it will lack longest, PERMIT_TOKENS;
 * *ret_wait_ms: until they should be there. */
enum permit_block payers_blocked(struct permits *p, struct permit *permit, int64_t *ret_wait_ms);
/* What an attempt shows that this one sends back. */
enum err payer_err(const struct scope *payer);
/* A call begins; it ended, and so many tokens are booked. */
void payers_granted(struct permits *p, struct permit *permit);
void payers_ended(struct permits *p, struct permit *permit, double booked);
/* How many calls it has the tokens for, of its jobs that wait in the record. */
double payer_spare(struct permits *p, struct scope *payer);

/* What a call that ended teaches breaker, key, limits and quotas. */
void permit_learn(struct permits *p, struct permit *permit, const struct permit_outcome *outcome);

#endif
