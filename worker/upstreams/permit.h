/* permit.h - leave to call an upstream, for one attempt.
 *
 * A job asks before each call. What may stand against it, in this order:
 *
 *   the copy of the fleet's state is old      it is being fetched: a millisecond
 *   too few tokens left of a limit of its user, roles or tenant, or of all (its payers)
 *   a Retry-After of this upstream, key, model
 *   the model's breaker; the key's health
 *   the retry budget, when it is a retry
 *   too many calls at a time
 *   too few requests or tokens left of the limits
 *
 * Short waits are spent in the worker, first come, first served within a scope. But
 * no upstream may fill the worker with jobs that wait for it: no more of them stay
 * than will get leave within pacing.park_after_ms, at the rate at which leave was
 * given lately; the others go back to the record, parked, without a burnt attempt,
 * and come again spread over the time that the jobs before them will take.
 *
 * Who must wait for a payer's tokens stands in that payer's line, the one that lacks them
 * longest, and in no upstream's: so before nobody who does not share that limit. It stays only
 * where they will be there in time.
 *
 * A granted permit must be ended, whatever becomes of the call; how it fared teaches
 * breaker, key, limits and quotas, and what it used is settled with its payers.
 *
 * Threads: the loop's.  Memory: a permit is the job's; scopes are bounded (scope.h). */
#ifndef UPSTREAMS_PERMIT_H
#define UPSTREAMS_PERMIT_H

#include "config/config.h"
#include "domain/permit_keys.h"
#include "ground/id.h"
#include "ports/loop.h"
#include "upstreams/permit_block.h"
#include "upstreams/rate_headers.h"

#include <stddef.h>

struct permits;
struct scope;

/* Tokens that a payer's calls may use. */
struct permit_limit {
	double per_minute; /* 0 = as many as they like; below zero = that is not known yet */
	double burst;	   /* at once */
};
typedef struct permit_limit permit_limit_fn(void *owner, const struct permit_payer *payer);

struct permit_ask {
	const struct config_upstream *upstream;
	const char *key;   /* its label */
	const char *model; /* may be NULL */
	int64_t ceiling;   /* calls of the upstream at a time from this worker */
	size_t input_bytes;
	int64_t output_max; /* tokens that its answer may have; 0 = not said */
	bool retry;
	struct id tenant;
	/* Its user, as others are told of it, and then those of its roles that a plan may limit,
	 * with spaces between; NULL: nobody limits either. */
	const char *principal;
};

/* All, its tenant, each of its roles, its user: those that have a limit. */
enum { PERMIT_PAYERS_MAX = 3 + ROLES_HELD_MAX };
struct permit_payers {
	size_t n;
	struct scope *list[PERMIT_PAYERS_MAX];
};

/* Zeroed = none. */
struct permit {
	struct scope *scope; /* NULL too while it waits for a payer's tokens */
	struct permit_payers payers;
	struct scope *lacks; /* PERMIT_TOKENS: the payer that has too few */
	struct scope *place; /* where it waits: the scope or a payer */
	enum { PERMIT_NONE, PERMIT_WAITS, PERMIT_HELD } stage;
	enum permit_block by;  /* why it waits */
	double tokens;	       /* estimated */
	int64_t since_ms;      /* it waits, or was granted */
	int64_t not_before_ms; /* asking is of no use until then */
	unsigned breaker_era, health_era, breaker_turn, health_turn;
	const void *drawn_of;  /* the guard of whose ramp it was a draw last, */
	unsigned drawn_turn;   /* and in which stage */
	bool probe, key_probe; /* it is the breaker's, or the key's */
	bool counted;	       /* the breaker was told of this call */
	bool retry;	       /* it was paid for from the retry budget */
};

enum permit_answer { PERMIT_GRANTED, PERMIT_WAIT, PERMIT_PARK };
struct permit_verdict {
	enum permit_answer answer;
	enum permit_block by;
	enum hold hold;	 /* WAIT, PARK: the same, for people; NONE: a moment's matter */
	enum err err;	 /* PARK: what the attempt shows */
	int64_t park_ms; /* PARK: come again after this, */
	struct id line;	 /* and stand in this line until then (stores/parked.h); zero = none */
	bool by_hand;	 /* PARK: an operator's word, not what was counted */
	/* permit_look alone, to choose among an upstream's keys */
	size_t calls;	     /* under way with this key and model */
	uint64_t granted;    /* so many began */
	bool refused_lately; /* by the upstream, which set the key aside, or did not yet */
};

/* How a call went. */
struct permit_outcome {
	enum err err;
	int status;			    /* 0 = none */
	int64_t retry_after_ms;		    /* 0 = none */
	double tokens;			    /* really used; below zero = not known */
	double output_tokens;		    /* of them; below zero = not known */
	double booked;			    /* tokens that its payers are charged for */
	const struct rate_headers *headers; /* may be NULL */
};

struct permits_options {
	struct loop *loop;
	struct config *const *config; /* read anew each time: a reload replaces it */
	const struct id *worker;
	void (*wake)(void *owner); /* those who wait shall ask again */
	void *owner;
	permit_limit_fn *limit_of; /* NULL: nobody has a limit */
	void *limits;		   /* its owner */
};

/* ERR_CONFIG: Redis' url or password cannot be used (it is logged), ERR_NOMEM, ERR_SYSTEM */
MUST_CHECK enum err permits_new(
	const struct permits_options *options, struct permits **ret_permits);
void permits_free(struct permits *p);
/* At the end of a turn: what gathered goes to Redis. */
void permits_flush(struct permits *p);

/* Before all that wait are asked again, in the order in which they came. */
void permits_again(struct permits *p);
/* What the answer would be; changes nothing but that a breaker which says no learns that a probe is
 * wanted, and that its ramp let a job pass by. For choosing among several: a permit that waits may
 * look at all of them, and then take one. PARK: park_ms is 0. */
struct permit_verdict permit_look(
	struct permits *p, struct permit *permit, const struct permit_ask *ask);
/* Asks, or asks again while it waits; a permit that waits for something else leaves that.
 * WAIT: ask again when woken; PARK: the permit is none. */
struct permit_verdict permit_take(
	struct permits *p, struct permit *permit, const struct permit_ask *ask);
/* The reply's status came. */
void permit_answered(struct permits *p, struct permit *permit, int status);
/* The first token is late: counted as a failure while the call goes on. Cheap; ask often. */
void permit_look_late(struct permits *p, struct permit *permit);
/* A held one is given back with how the call went; a waiting one leaves. Harmless for none. */
void permit_end(struct permits *p, struct permit *permit, const struct permit_outcome *outcome);

#endif
