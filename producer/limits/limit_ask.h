/* limit_ask.h - one request before its limits: what it asks, what it was answered.
 *
 * Threads: one at a time, with the request.  Memory: one block, freed with the request. */
#ifndef LIMITS_LIMIT_ASK_H
#define LIMITS_LIMIT_ASK_H

#include "domain/request_limit.h"
#include "ground/digest.h"
#include "ground/ring.h"
#include "limits/levels.h"

#include <stdbool.h>
#include <stddef.h>

struct request;

struct limit_key {
	enum limit_level level;
	struct request_limit limit;
	struct limit_pace pace; /* of the limit, or this producer's share of it */
	uint8_t id[LEVEL_ID];	/* of the bucket: a keyed digest, so Redis names nobody */
	double ahead_us;	/* told: afterwards */
};

struct limit_ask {
	struct ring link;
	struct request *r;
	size_t group; /* while it is under way: those of equal keys have the same */
	bool answered, admitted;
	size_t n;
	struct limit_key keys[];
};

/* What this request has to ask, its buckets named under name_key. NULL: nothing limits it.
 * ERR_NOMEM. */
MUST_CHECK enum err limit_ask_make(
	struct request *r, const uint8_t name_key[DIGEST_SHORT_KEY], struct limit_ask **ret_ask);

#endif
