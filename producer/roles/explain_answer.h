/* explain_answer.h - is it allowed, and why: what a call would be told, with the rule.
 *
 * It is decided by what decides a call: the list of revocations (access/authority.h), the
 * credential's scopes, and the rights with facts that are made where calls make them
 * (access/authorise.h), with the defaults of a job that does not say. What is asked for here and
 * not known is what a call would know; the answer names it.
 *
 * Threads: a lane.  Memory: the reply's. */
#ifndef ROLES_EXPLAIN_ANSWER_H
#define ROLES_EXPLAIN_ANSWER_H

#include "roles/access_call.h"

/* Writes the reply of a call whose looks are over; told: what is held.
 *   ERR_UNAVAILABLE  who is revoked cannot be told     ERR_NOMEM */
MUST_CHECK enum err explain_answer(struct access_call *a, const struct access_told *told);

#endif
