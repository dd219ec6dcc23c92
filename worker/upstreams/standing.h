/* standing.h - how a worker stands with the Redis of limits, and what people are told of that.
 *
 * One line a change. While Redis answers and refuses (it is full, read-only, a replica by now)
 * nothing is shared either: then at most a line a minute says how often.
 *
 * Threads: the loop's.  Memory: a value; zeroed = nothing is known yet. */
#ifndef UPSTREAMS_STANDING_H
#define UPSTREAMS_STANDING_H

#include <stdint.h>

struct standing {
	enum { STANDING_NEW, STANDING_SHARED, STANDING_AWAY, STANDING_REFUSED } now;
	int64_t refused; /* exchanges since people were told */
	int64_t told_ms; /* of that */
};

/* An exchange was answered, */
void standing_shared(struct standing *s);
/* it was not, or the connection ended, */
void standing_away(struct standing *s, int64_t workers);
/* it was refused, with these words. */
void standing_refused(struct standing *s, const char *why, int64_t workers, int64_t now_ms);

#endif
