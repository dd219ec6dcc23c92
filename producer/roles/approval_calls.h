/* approval_calls.h - what others ask for: seen, approved of, refused; and whether two people are
 * needed at all.
 *
 *   GET  /v1/approvals?state=&limit=&after=
 *   POST /v1/approvals/{id}/approve
 *   POST /v1/approvals/{id}/refuse      who asked may take it back so
 *   GET  /v1/two-people
 *   PUT  /v1/two-people {"required": bool}
 *
 * Operators do the same for any tenant, under /v1/tenants/{name}. An approval shows the call as it
 * was asked for. What it means: access/two_people.h.
 *
 * Threads: the servers', lanes.  Memory: the requests'. */
#ifndef ROLES_APPROVAL_CALLS_H
#define ROLES_APPROVAL_CALLS_H

#include "http/request.h"
#include "record/record.h"

void approvals_get(struct request *r);
void approval_approve(struct request *r);
void approval_refuse(struct request *r);
void two_people_get(struct request *r);
void two_people_put(struct request *r);

extern const struct record_op approval_rule_op, approval_list_op, approval_decide_op,
	approval_rule_set_op;

#endif
