/* limit_script.h - the script behind limiter.h: one call for all that waits.
 *
 * KEYS     the buckets, each once
 * ARGV[1]  of each bucket: interval_us span_us floor_us, as doubles
 * ARGV[2]  of each group: n m, and its m buckets by their number in KEYS, as 32-bit integers
 *          (all little-endian: reading them as text took most of a call)
 * reply    per group: how many of its n are let in, then m times: us ahead
 *
 * A group is n requests that ask the same buckets. As many are let in as fit into
 * all of them, and each bucket is charged with these alone: just what n calls one
 * after another would do. floor_us is how far a bucket stood ahead by the memory
 * of whoever asks; what Redis lost is put back by that.
 *
 * A value is the theoretical arrival time in microseconds since 2026, so that a
 * double keeps fractions of them; it expires when it is over. It is never further
 * ahead than the burst: a clock that was set back shuts nobody out.
 *
 * Threads: constants. */
#ifndef LIMITS_LIMIT_SCRIPT_H
#define LIMITS_LIMIT_SCRIPT_H

#define LIMIT_KEY "lh:limit:"

extern const char limit_script[];

/* When do all producers let Redis decide again, which is back, or answers again? Whoever finds it
 * so first says when, and the others get what is left: who changed over alone would let in what
 * Redis allows beside what the others still let in by their shares. KEYS[1]  LIMIT_RETURN_KEY
 * ARGV[1]  milliseconds     reply  milliseconds left */
#define LIMIT_RETURN_KEY "lh:limits:return"
extern const char limit_return_script[];

#endif
