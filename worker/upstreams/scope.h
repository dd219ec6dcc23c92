/* scope.h - what calls are counted under: (upstream, key label, model).
 *
 * A scope has its own quotas, limit of calls at a time and Retry-After floor. It
 * shares the model's breaker with the upstream's other keys, the key's health with
 * the other models, and the retry budget with everything of the upstream.
 *
 * Models are callers' words, so their number has no bound; scopes' has: beyond
 * SCOPES_MAX the one that was idle longest goes, and comes back as Redis knows it.
 * When none is idle the newcomer shares one scope of its upstream and key.
 *
 * Whoever has a limit of tokens (a user, a role, a tenant, all) has a scope too, a payer, in a
 * table of its own: all that it has are a quota of tokens and a line.
 *
 * Threads: the loop's.  Memory: the table owns scopes, guards and upstreams. */
#ifndef UPSTREAMS_SCOPE_H
#define UPSTREAMS_SCOPE_H

#include "domain/hold.h"
#include "domain/permit_keys.h"
#include "ground/id.h"
#include "ground/ring.h"
#include "upstreams/aimd.h"
#include "upstreams/guard.h"
#include "upstreams/quota.h"
#include "upstreams/retry_budget.h"

#include <stddef.h>

enum { SCOPES_MAX = 4096, SCOPE_BUCKETS = 1024 };

/* Jobs in the record that wait for a scope or for an upstream's retries (stores/parked.h). */
struct scope_line {
	struct id id;
	double resumed_ms; /* the last of those that this worker sent for a known time comes then */
	int64_t again_ms;  /* no more are called before, */
	uint64_t enough;   /* unless so many were given leave in all */
};

/* Everything of one upstream. */
struct scope_upstream {
	struct scope_upstream *next;
	char *name;
	struct retry_budget retries;
	struct scope_line line; /* of its retries */
	uint64_t retried_n;
	size_t in_flight; /* the sum of its scopes' */
	uint64_t parked_n;
};

struct scope {
	struct scope *next; /* in its bucket */
	struct ring used;   /* by its last use, the latest last */
	char id[PERMIT_ID_MAX];
	char *key, *model;
	struct scope_upstream *upstream;
	struct guard *breaker, *health; /* NULL: it is a payer */
	struct permit_payer payer;	/* who stands in model */
	double spared; /* a payer's: of a job that this worker may call, the part saved up */

	struct quota quota[RATES];
	struct aimd aimd;
	int64_t ceiling;	  /* calls at a time, when nothing lowers it */
	int64_t floor_ms;	  /* nobody calls before: Retry-After */
	int64_t floor_untold_ms;  /* to be told as a time from now; 0 = nothing */
	int64_t floor_sending_ms; /* told with the exchange under way; 0 = nothing */
	size_t in_flight;	  /* calls from leave to end: the one count of them */
	size_t waiting;
	size_t in_line;	      /* of those that wait, those for a place or for quota */
	enum hold lacks;      /* which of them the last one lacked */
	uint64_t pass;	      /* of the worker over those that wait, and in it: */
	size_t passed_over;   /* how many in line were asked again and must wait on */
	double output_tokens; /* of a call, as they lately were; a payer's: all tokens of a call */
	double call_tokens;   /* in and out; 0 = none ended yet */
	unsigned measured_n;  /* of how many that is the mean */
	double grants;	      /* decaying: grants per second times GRANTS_S */
	double usual_per_s;   /* the most of it, forgotten in minutes */
	int64_t grants_ms;
	double parked_ms;      /* the fleet's last parked job comes back then */
	double parked_untold;  /* by so many ms was that moved here, and not told yet */
	double parked_sending; /* told with the exchange under way */
	struct scope_line line;
	int64_t used_ms, copied_ms;
	uint64_t granted_n, parked_n;
	bool exchanging; /* in the exchange under way */
	bool kept;	 /* a call's other payers are being found: they may not displace it */
};

static inline bool scope_is_payer(const struct scope *s)
{
	return !s->breaker;
}

struct scopes {
	struct scope *scopes[SCOPE_BUCKETS];
	struct guard *guards[SCOPE_BUCKETS];
	struct scope_upstream *upstreams;
	struct ring used;
	size_t n;
};

struct scope_name {
	const char *upstream, *key, *model;
};

void scopes_init(struct scopes *s);
void scopes_clear(struct scopes *s);
/* Finds or makes it. NULL: out of memory. */
struct scope *scopes_get(struct scopes *s, const struct scope_name *name);
/* NULL: there is none. */
struct scope *scopes_find(struct scopes *s, const struct scope_name *name);
/* The scope of a payer, likewise; NULL also when there are too many of them under way. */
struct scope *scopes_get_payer(struct scopes *s, const struct permit_payer *payer);
/* It is used now. */
void scopes_use(struct scopes *s, struct scope *scope, int64_t now_ms);

/* Grants per second lately. */
double scope_grants_per_s(struct scope *s, int64_t now_ms);
/* A call begins; it ended. */
void scope_granted(struct scope *s, int64_t now_ms);
void scope_ended(struct scope *s);
/* Calls under way to the upstream of this name; NULL = to all. */
size_t scopes_in_flight(const struct scopes *s, const char *upstream);

#endif
