/* plans.h - which request limits are in force, for whom.
 *
 * Plans and tenants' plans are read from the record every PLANS_LOOK_MS; while it is
 * away the last ones stay in force. What they do not say, the configuration says. Before they
 * were read once nobody is let in.
 *
 * Threads: any; one lock, held for a look-up.  Memory: every plan, and a small entry for
 * each tenant that ever had one. */
#ifndef LIMITS_PLANS_H
#define LIMITS_PLANS_H

#include "access/caller.h"
#include "config/config.h"
#include "domain/request_limit.h"
#include "ground/id.h"
#include "record/record.h"

struct plans;
struct producer;

enum { PLANS_LOOK_MS = 500, PLANS_FOUND_MAX = LIMIT_REQUEST_LEVELS + CALLER_ROLES_MAX };

MUST_CHECK enum err plans_new(struct producer *producer, struct plans **ret_plans);
/* Begins to read them, on the producer's loop. */
MUST_CHECK enum err plans_start(struct plans *p);
/* NULL is fine. */
void plans_free(struct plans *p);

/* Could any request be limited? False is all that most installations pay. True too while nothing is
 * known. */
bool plans_any(const struct plans *p);
bool plans_known(const struct plans *p);
/* How many producers share a limit when they cannot ask each other. */
int64_t plans_producers(const struct plans *p);

struct plans_whom {
	struct id tenant; /* zero: nobody is known; then only LIMIT_GLOBAL and LIMIT_IP count */
	const char *const *roles; /* at most CALLER_ROLES_MAX */
	size_t roles_n;
};
struct plans_found {
	enum limit_level level;
	const char *role; /* of LIMIT_ROLE: one of whom's */
	struct limit_pace pace;
	struct request_limit limit;
};
/* Those that are not free, at most PLANS_FOUND_MAX. */
size_t plans_find(struct plans *p, const struct plans_whom *whom, struct plans_found *ret_found);
/* Reads them now: after a change that callers of this process expect to see. */
void plans_hurry(struct plans *p);

/* What the configuration says of a level. */
struct request_limit plans_configured(const struct config *config, enum limit_level level);

extern const struct record_op plans_op;

#endif
