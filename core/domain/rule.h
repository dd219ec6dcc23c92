/* rule.h - one line of a role: what it allows or denies, and when.
 *
 *   allow job:read owner=own
 *   allow job:submit queue=default,bulk-* model=small-* priority>=3 cost<=0.05
 *   deny job:delete
 *
 * Conditions are data: an attribute of the request or of the object it is about, and
 * what it must be. All of a rule's conditions must hold. Words are separated by commas
 * and may end in a star; a ceiling is a number. An attribute is given once at most.
 *
 *   region    of the producer that is asked (producer.region)
 *   owner     own: the caller's own object; other: another one's of the tenant
 *   queue     the job's
 *   model     the model asked for, by name; a class of models is a pattern of names
 *   priority  the best priority: 0 goes first, so a caller may ask for no less than this
 *   cost      in dollars, what a job may cost at most, as known when it is handed in
 *
 * An attribute may be unknown: a list is about many objects, a region may not be
 * configured. What is unknown fulfils no rule that allows, and every rule that denies.
 * An attribute that is known and not there (a job without a model) is the empty word.
 *
 * Threads: pure.  Memory: a rule owns its texts; rule_clear frees them. */
#ifndef DOMAIN_RULE_H
#define DOMAIN_RULE_H

#include "domain/permission.h"
#include "ground/err.h"

enum rule_condition {
	RULE_REGION,
	RULE_OWNER,
	RULE_QUEUE,
	RULE_MODEL,
	RULE_WORDS,
	RULE_PRIORITY = RULE_WORDS,
	RULE_COST,
	RULE_CONDITIONS
};

enum { RULE_TEXT_MAX = 1024, RULE_UNKNOWN = -1 };

/* What is known of a request and its object. NULL and RULE_UNKNOWN: not known. */
struct rule_facts {
	const char *words[RULE_WORDS];
	int64_t priority;
	int64_t cost_nano;
};
#define RULE_FACTS_NONE ((struct rule_facts){.priority = RULE_UNKNOWN, .cost_nano = RULE_UNKNOWN})

struct rule {
	char *text; /* as it was written, in one form */
	bool denies;
	permission_set permissions;
	char *words[RULE_WORDS];    /* NULL: any */
	uint64_t marks[RULE_WORDS]; /* of the words: where they differ, the words do */
	int64_t priority_min;	    /* 0: any */
	int64_t cost_max_nano;	    /* RULE_UNKNOWN: any */
};

/* Reads one line. *ret_why says in words what is wrong with it (static).
 *   ERR_INVALID_FIELD, ERR_NOMEM: rule is as it was */
MUST_CHECK enum err rule_read(const char *text, struct rule *ret_rule, const char **ret_why);
void rule_clear(struct rule *rule);

/* Does one condition hold? One that the rule does not have does. */
enum rule_answer { RULE_HOLDS, RULE_FAILS, RULE_NOT_KNOWN };
enum rule_answer rule_ask(
	const struct rule *rule, const struct rule_facts *facts, enum rule_condition which);
/* One condition as the rule's text has it, "priority>=3"; NULL: it has none. */
const char *rule_condition(const struct rule *rule, enum rule_condition which, size_t *ret_len);
/* Do all hold? What is unknown counts as if_unknown. */
bool rule_holds(const struct rule *rule, const struct rule_facts *facts, bool if_unknown);
/* True when a holds wherever b does, as far as their texts tell: each of a's conditions is one of
 * b's. Words that differ cost no more than numbers do. */
bool rule_covers(const struct rule *a, const struct rule *b);

#endif
