/* stamps.h - how long text travelled: the simulator writes the time into it (stamp=1).
 *
 * A stamp is ~ and sixteen digits, unix microseconds. It is found in whatever
 * carries the text (an event stream's JSON leaves both alone), also when a read
 * ends in its middle, and several stamps in one event count each for itself.
 *
 * Threads: one.  Memory: stamps_clear frees. */
#ifndef BENCH_SHARED_STAMPS_H
#define BENCH_SHARED_STAMPS_H

#include <stddef.h>
#include <stdint.h>

enum { STAMP_DIGITS = 16 };

/* One stream's place within a stamp: digits read so far, -1 outside. Begin with STAMP_SCAN. */
struct stamp_scan {
	int digits;
	int64_t value;
};
#define STAMP_SCAN ((struct stamp_scan){-1, 0})

/* Travel times in microseconds; what no longer fits, or no memory is left for, is counted only. */
struct stamps {
	int32_t *took;
	size_t n, room, dropped;
};

void stamps_clear(struct stamps *s);
/* Reads bytes that arrived at now_us; how many stamps ended in them. s NULL: keeps no times. */
size_t stamps_feed(
	struct stamps *s, struct stamp_scan *scan, const char *bytes, size_t len, int64_t now_us);
void stamps_add(struct stamps *s, int64_t took_us);
/* Sorts; then stamps_at gives the value below which a share lies, 0 to 1. No values: 0. */
void stamps_sort(struct stamps *s);
int32_t stamps_at(const struct stamps *s, double share);

#endif
