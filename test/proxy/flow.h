/* flow.h - bytes that go one way over a line: read, kept as long as a fault wants, written.
 *
 * A flow holds at most FLOW_BYTES_MAX; a reader that is slow, or a fault, stops the
 * reading then and the sender feels it as it would on a real line. The end of a
 * sender's bytes travels behind them.
 *
 * Threads: the loop's.  Memory: flow_clear frees what is kept. */
#ifndef PROXY_FLOW_H
#define PROXY_FLOW_H

#include "proxy/fault.h"

#include <stddef.h>

enum { FLOW_BYTES_MAX = 256 << 10, FLOW_READ = 16 << 10 };

struct flow_piece;

struct flow {
	struct flow_piece *first, *last;
	size_t held;	    /* bytes */
	int64_t allowance;  /* bytes that may leave yet, when slow */
	int64_t counted_ms; /* when that was reckoned last */
	bool ended;	    /* the sender has said all */
	bool told;	    /* and the reader knows */
};

enum flow_state { FLOW_GOES, FLOW_OVER, FLOW_BROKEN };

void flow_clear(struct flow *f);
/* Takes what the sender wrote. FLOW_BROKEN: the sender cut the line, or no memory. */
enum flow_state flow_read(struct flow *f, int fd, const struct fault *fault, int64_t now_ms);
/* Gives the reader what may leave now; *passed grows by it. FLOW_OVER: that was all there will be.
 */
enum flow_state flow_write(
	struct flow *f, int fd, const struct fault *fault, int64_t now_ms, int64_t *passed);
bool flow_wants_more(const struct flow *f);
/* Something may leave now: writing is worth a try. */
bool flow_is_due(const struct flow *f, const struct fault *fault, int64_t now_ms);

#endif
