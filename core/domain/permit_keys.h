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
 *                   of a tenant with a limit of tokens: no upstream, model its id; no requests
 *   lh:guards, lh:paces, lh:payers, lh:permit:workers   sorted by when each was last used;
 *                   payers are the paces of tenants
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

/* Kept so long after the last use: seconds, as Redis wants them. */
#define PERMIT_KEEP_S  "86400"
#define PERMIT_KEEP_MS "86400000"
#define PERMIT_STEPS_N "49" /* index of the last transition that is kept */

#include "ground/id.h"

enum { PERMIT_ID_MAX = 33 };

/* The id of a name of three parts: ("breaker", upstream, model), ("key", upstream, label), or
 * (upstream, key label, model). */
void permit_id(const char *a, const char *b, const char *c, char out[PERMIT_ID_MAX]);
/* The line of the jobs that wait for it, in the record. */
struct id permit_line(const char id[PERMIT_ID_MAX]);

#endif
