/* explain_call.h - why is something allowed, or not?
 *
 *   GET /v1/access/explain?user=|key=&action=&job=|owner=&queue=&model=&priority=&cost_usd=&region=
 *   &address=
 *
 * Operators ask the same for any tenant, under /v1/tenants/{name}.
 *
 * Threads: the servers', lanes.  Memory: the requests'. */
#ifndef ROLES_EXPLAIN_CALL_H
#define ROLES_EXPLAIN_CALL_H

#include "http/request.h"
#include "record/record.h"

void explain_get(struct request *r);

extern const struct record_op explain_op;

#endif
