/* limit_calls.h - operators' calls about the limits of plans.
 *
 *   GET    /v1/limits                    every limit of every plan, and what the configuration says
 *   PUT    /v1/limits/{plan}/{level}     level: global, tenant, ip, user, role:NAME; or tokens,
 *                                      tokens:global, tokens:user, tokens:role:NAME
 *   DELETE /v1/limits/{plan}/{level}
 *
 * ?dry_run=true says what would change and for how many tenants, and changes nothing.
 * A limit that contradicts another (domain/limit_check.h) is refused, with the path between them.
 * A change holds in every producer within PLANS_LOOK_MS and a moment, that of tokens in every
 * worker a little later (worker/token_limits.h).
 *
 * Threads: as other calls.  Memory: the request's. */
#ifndef LIMITS_LIMIT_CALLS_H
#define LIMITS_LIMIT_CALLS_H

#include "http/request.h"
#include "record/record.h"

void request_limits_get(struct request *r);
void request_limit_put(struct request *r);
void request_limit_delete(struct request *r);

extern const struct record_op request_limits_list_op, request_limit_change_op,
	request_limits_judge_op;

#endif
