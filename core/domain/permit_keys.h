/* permit_keys.h - under which names of Redis the fleet shares what it knows of its upstreams.
 *
 * Workers write these keys of Redis and the producer reads them (and writes an
 * operator's word), so their names and fields stand where both see them:
 *
 *   lh:guard:<id>   hash: a breaker (upstream, model) or a key's health (upstream, label)
 *                   kind, upstream, label, state, opened, stage, since, until, version,
 *                   index, ok, bad, ok_before, bad_before, row, mode, mode_until
 *   lh:steps:<id>   list: its latest transitions, "<unix ms> <state> <why>", newest first
 *   lh:pace:<id>    hash: (upstream, key label, model): upstream, key, model, floor,
 *                   requests and tokens (levels), at, requests_pm, tokens_pm (limits),
 *                   requests_cap, tokens_cap, parked (the last parked job's return)
 *   lh:load:<id>    hash: worker -> "<calls under way> <limit> <waiting> <retries left> <unix ms>"
 *                   of a payer, who has a limit of tokens: no upstream, key its level, model its
 *                   name (permit_payer_name); no requests
 *   lh:guards, lh:paces, lh:payers, lh:permit:workers   sorted by when each was last used;
 *                   payers are the paces of those
 *   lh:permit:asked   written by who looks at all of this: a Redis that takes nothing shares
 *                   nothing
 *
 * All times are the Redis server's own. All of it may be lost: workers then go on
 * alone and write it anew.
 *
 * Threads: pure.  Memory: the caller's. */
#ifndef DOMAIN_PERMIT_KEYS_H
#define DOMAIN_PERMIT_KEYS_H

#define PERMIT_GUARD   "lh:guard:"
#define PERMIT_STEPS   "lh:steps:"
#define PERMIT_PACE    "lh:pace:"
#define PERMIT_LOAD    "lh:load:"
#define PERMIT_GUARDS  "lh:guards"
#define PERMIT_PACES   "lh:paces"
#define PERMIT_PAYERS  "lh:payers"
#define PERMIT_WORKERS "lh:permit:workers"
#define PERMIT_ASKED   "lh:permit:asked"

/* Kept so long after the last use: seconds, as Redis wants them. */
#define PERMIT_KEEP_S  "86400"
#define PERMIT_KEEP_MS "86400000"
#define PERMIT_STEPS_N "49" /* index of the last transition that is kept */

#include "domain/request_limit.h"
#include "ground/id.h"

enum { PERMIT_ID_MAX = 33, PERMIT_PAYER_MAX = ID_UUID_MAX + 1 + ID_TEXT_MAX + ROLE_NAME_MAX };

/* Whose tokens a call uses, at one of the levels that count them. */
struct permit_payer {
	enum limit_level level;
	struct id tenant; /* zero: all of them */
	const char *who;  /* a role's name, or a user, as others are told of it; else "" */
};

/* The id of a name of three parts: ("breaker", upstream, model), ("key", upstream, label), or
 * (upstream, key label, model). */
void permit_id(const char *a, const char *b, const char *c, char out[PERMIT_ID_MAX]);
/* "", "<tenant's uuid>" or "<tenant's uuid>/<who>": with the level's word, the parts of a payer's
 * id. */
void permit_payer_name(const struct permit_payer *payer, char out[PERMIT_PAYER_MAX]);
/* Reads both; who stands in name. False: no payer has such a name. */
bool permit_payer_read(const char *level, const char *name, struct permit_payer *ret_payer);
/* The line of the jobs that wait for it, in the record. */
struct id permit_line(const char id[PERMIT_ID_MAX]);

#endif
