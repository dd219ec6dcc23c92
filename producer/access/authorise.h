/* authorise.h - may this caller do that? Asked here, for every call.
 *
 * The order: who it is (keys.h), its credential's scopes, its rights (holders.h), whether it may
 * come now (limits/limiter.h), and then this. Strangers and guests are asked for limits alone.
 *
 * A row of the table of routes names the permission that its call needs; the caller's
 * rights (holders.h) are asked for it before the body is read. What decides may not be
 * known yet, and then the call goes on to where it is:
 *
 *   a job by its id    whose is it, in which queue? It is looked up, unless the caller may
 *                      do this to all of the tenant's jobs. A job that the caller may not
 *                      even read is not there (404); one it may read is forbidden (403)
 *   a list, a filter   authorise_list narrows it to the caller's own jobs, or refuses
 *   jobs handed in     authorise_may, with each job's queue, model, priority and cost
 *
 * A credential's scopes are names of permissions: beside them it may do nothing, whatever
 * its principal's roles allow.
 *
 * A refusal names the permission that the call needs, and nothing of what the caller or anybody
 * holds; and where the scopes are what lacks, as RFC 6750 (3.1) has it.
 *
 * Threads: any; the request's.  Memory: what was looked up dies with the request. */
#ifndef ACCESS_AUTHORISE_H
#define ACCESS_AUTHORISE_H

#include "config/config.h"
#include "http/request.h"
#include "record/record.h"
#include "stores/job_list.h"
#include "stores/queue.h"

/* The job a request is about, as decisions see it. One that is not there has another's face
 * (job_near), so that being refused takes as long either way. */
struct authorise_object {
	bool is_there, is_own;
	int priority;
	char queue[QUEUE_NAME_MAX + 1];
	char model[512 + 1];
};

/* As principal sees it. */
void authorise_object_of(
	const struct job_row *row, struct id principal, struct authorise_object *ret_object);

/* server_access_fn: who is it, and may it? */
enum err authorise_check(struct request *r, bool *ret_parked);

/* What is known of a job that was handed in, and of one that the caller is about to hand in, but
 * for the cost. */
struct rule_facts authorise_facts_of(const struct authorise_object *object);
struct rule_facts authorise_facts_own(const char *queue, const char *model, int64_t priority);
/* NULL: it is not known. */
const char *authorise_region(const struct config *config);
/* Do its scopes leave room for it? */
bool authorise_scope(const struct caller *caller, enum permission p);
/* May it do all of that itself, its scopes included? Who gives or takes rights must. */
bool authorise_may_hand(const struct caller *caller, const struct rights *rights);
/* 403: this needs p. */
void authorise_refuse(struct request *r, enum permission p);
/* The challenge alone, behind a refusal in other words. */
void authorise_challenge(struct request *r, enum permission p);
/* A decision on facts that only the handler knows; the region is added here. */
bool authorise_may(const struct config *config, const struct caller *caller, enum permission p,
	const struct rule_facts *facts);
/* Is it allowed whatever the facts? Then they need not be gathered. */
bool authorise_always(const struct caller *caller, enum permission p);
/* Narrows a filter to what the caller may have of it; queue is the one it names, or NULL.
 *   ERR_FORBIDDEN  to nothing: rules that ask for a queue or model want it in the filter */
MUST_CHECK enum err authorise_list(
	const struct request *r, const char *queue, struct job_filter *filter);
/* May the job be moved to this queue and priority (NULL and -1: as they are)? As if the caller
 * handed it in there. */
bool authorise_move(const struct request *r, const char *queue, int priority);

/* May somebody still do this to a job, as it was when it was looked up? object NULL: it was not,
 * and only what is allowed whatever the job is is allowed. */
bool authorise_still(const struct config *config, const struct caller *caller, enum permission p,
	const struct authorise_object *object);
/* May the caller be shown the job that it has just changed? */
bool authorise_shows(const struct request *r);

extern const struct record_op object_op;

#endif
