/* levels.h - how far ahead each bucket stood when this producer last heard of it.
 *
 * Redis has the truth. What it told is kept here as a moment of this process' own
 * clock, for two uses. It is the floor of what Redis may say the next time: a Redis
 * that was emptied, or whose clock jumped, lets no second burst by. And it is where
 * this producer goes on by itself while Redis is away.
 *
 * A fixed table. Where it is full of buckets that are not yet empty, strangers share
 * one: too strict for them, never too lax.
 *
 * Threads: one owner at a time.  Memory: LEVELS_MAX entries. */
#ifndef LIMITS_LEVELS_H
#define LIMITS_LEVELS_H

#include "ground/err.h"

#include <stddef.h>
#include <stdint.h>

enum { LEVELS_MAX = 1 << 15, LEVEL_ID = 16 };

struct levels;

MUST_CHECK enum err levels_new(struct levels **ret_levels);
/* NULL is fine. */
void levels_free(struct levels *l);
/* Microseconds ahead of now_us; 0: not at all, or not known. Of a shared entry: as it is. */
double levels_ahead(const struct levels *l, const uint8_t id[LEVEL_ID], int64_t now_us);
/* The same, and 0 where the entry is shared: what may be told to others. */
double levels_own_ahead(const struct levels *l, const uint8_t id[LEVEL_ID], int64_t now_us);
void levels_put(struct levels *l, const uint8_t id[LEVEL_ID], int64_t now_us, double ahead_us);
/* The next that lies ahead, from *at on (0 at first), which is moved behind it. NULL: no more. */
const uint8_t *levels_next(const struct levels *l, int64_t now_us, size_t *at);

#endif
