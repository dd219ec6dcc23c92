/* guard.h - a breaker that all workers share, as this worker sees it.
 *
 * Two kinds: an (upstream, model), and the health of an (upstream, key label). The
 * state here is a copy of the fleet's, at most a tenth of a second old while it is
 * used (shared_limits.h). Counts of own calls go to the fleet; when fleet and own
 * counts together ask for another state, this worker proposes it: it acts by it at
 * once, and the first proposal for a version wins. Only a probe must be won first,
 * so that there is one in the whole fleet. Alone, without Redis, every proposal
 * stands, and is offered to the fleet when Redis is back.
 *
 * Answers to calls that began before it last opened say nothing about now: each
 * call remembers the guard's era.
 *
 * Threads: the loop's.  Memory: owned by the scopes that use it (scope.h). */
#ifndef UPSTREAMS_GUARD_H
#define UPSTREAMS_GUARD_H

#include "config/config.h"
#include "domain/permit_keys.h"
#include "upstreams/breaker.h"

enum guard_kind { GUARD_MODEL, GUARD_KEY, GUARD_KINDS };

struct guard {
	struct guard *next; /* in its bucket */
	unsigned uses;
	enum guard_kind kind;
	char id[PERMIT_ID_MAX];
	char *upstream, *label; /* the label: a model, or a key's */

	struct breaker now;
	unsigned era;				      /* of its openings */
	unsigned turn;				      /* of all its moves */
	struct breaker_window own;		      /* this worker's calls */
	struct breaker_counts fleet, sending, untold; /* told by Redis, on the way, not yet sent */
	int64_t version;			      /* of the copy */
	int64_t copied_ms;			      /* 0 = never */
	struct breaker proposal;
	const char *why;	/* of the proposal; NULL = there is none */
	bool proposal_sent;	/* with the exchange under way */
	bool probe_asked;	/* the proposal is a probe, to be made when it won */
	bool probe_mine;	/* this worker may make the probe */
	int64_t probe_until_ms; /* until then: afterwards another worker may have taken it */
	int drawn, admitted;	/* of the ramp's stage */
	unsigned exchange;	/* in which it was last put */
};

/* What an exchange brought. */
struct guard_news {
	struct breaker now; /* with times of this process */
	struct breaker_counts counts;
	int64_t version;
	int64_t probe_until_ms; /* now.until_ms, on the early side */
	bool won;
};

struct breaker_rule guard_rule(const struct config *config, enum guard_kind kind);
const char *guard_kind_text(enum guard_kind kind);

/* May a call go? *ret_wait_ms: if not, after how long to ask again. Changes nothing. */
bool guard_may(const struct guard *g, int64_t now_ms, int64_t *ret_wait_ms);
/* A call goes, after guard_may. True: it is the probe. */
bool guard_enter(struct guard *g, int64_t now_ms);
/* A call may not go, whether it goes elsewhere or waits: a probe that is due is proposed. */
void guard_wanted(struct guard *g, const struct breaker_rule *rule, bool alone, int64_t now_ms);
/* One more job that asked in the ramp's stage, whether it may go or not: once for each. */
void guard_draw(struct guard *g);
/* How a call of that era fared. */
void guard_report(struct guard *g, const struct breaker_rule *rule, unsigned era,
	struct breaker_counts more, int64_t now_ms);
/* Was there a failure in the window? */
bool guard_failed_lately(struct guard *g, const struct breaker_rule *rule, int64_t now_ms);
/* The probe of that turn ended without a word on the upstream: it may be made again, unless
 * somebody else makes it by now. */
void guard_probe_again(struct guard *g, unsigned turn);

/* For the exchange: what is not told goes on the way; it arrived, or it did not. */
void guard_send(struct guard *g);
void guard_told(struct guard *g, const struct breaker_rule *rule, const struct guard_news *news,
	int64_t now_ms);
void guard_untold(struct guard *g);

#endif
