/* calls.h - what the simulator was asked, and how it went.
 *
 * A ring of fixed size: the oldest calls fall out, and how many did is told. A
 * checker reads from it which jobs were really put to the model, how often, and
 * which calls the client left. Memory grows with use up to the ring's size and
 * never beyond.
 *
 * fail_times is counted here too, by job: a small table of hashes in which a
 * newcomer replaces an old one when its corner is full.
 *
 * Threads: one owner.  Memory: calls_close frees. */
#ifndef SIMULATOR_CALLS_H
#define SIMULATOR_CALLS_H

#include "ground/buf.h"
#include "ground/err.h"
#include "simulator/request.h"

#include <stdbool.h>
#include <stdint.h>

enum { CALL_JOB_MAX = 40, CALL_KEY_MAX = 24, CALLS_DEFAULT = 1 << 20, CALLS_PAGE_MAX = 200000 };

#define OUTCOME_TABLE(X)                                                \
	X(open)	     /* being answered                               */ \
	X(completed) /* the whole answer was handed to the kernel    */ \
	X(failed)    /* refused, as asked                            */ \
	X(truncated) /* closed before the end, as asked              */ \
	X(malformed) /* an answer that makes no sense, as asked      */ \
	X(hung)	     /* fell silent, as asked, and is silent still   */ \
	X(invalid)   /* the request was wrong                        */ \
	X(left)	     /* the client hung up before the end            */

#define OUTCOME_NAME(name) OUTCOME_##name,
enum outcome { OUTCOME_TABLE(OUTCOME_NAME) OUTCOME_COUNT_ };
#undef OUTCOME_NAME

struct received_call {
	int64_t at_us;	  /* unix, when the request was read */
	int64_t first_us; /* when the first bytes of a stream were sent; 0: never */
	int64_t ended_us; /* when the last bytes were, or the client left; 0: not yet */
	uint32_t tokens;
	uint16_t model; /* index of its name */
	uint16_t attempt;
	uint16_t status;
	uint8_t outcome;
	uint8_t hung_up;
	char job[CALL_JOB_MAX];
	char key[CALL_KEY_MAX]; /* its beginning */
};

struct calls;

MUST_CHECK enum err calls_open(size_t max, struct calls **ret_calls);
void calls_close(struct calls *c);
/* The time in which the log counts: unix, microseconds. */
int64_t calls_now_us(void);
/* A call begins; its number, from 0, names it from now on. */
uint64_t calls_begin(struct calls *c, const struct request *r, const char *model);
/* The call, or NULL when it has fallen out. */
struct received_call *calls_get(struct calls *c, uint64_t number);
/* Forgets everything, also the counts of refusals; numbers go on. */
void calls_empty(struct calls *c);
/* How often this job (or, without an id, this request) was refused before; counts one more. */
unsigned calls_refused(struct calls *c, uint64_t key);

struct calls_query {
	struct slice job; /* empty: all */
	uint64_t after;	  /* numbers from here on */
	size_t limit;
};
/* {"object":"list","data":[...],"next":n,"total":n,"dropped":n} */
MUST_CHECK enum err calls_list(const struct calls *c, const struct calls_query *q, struct buf *out);
/* {"total","dropped", one member per outcome}: counts over what is kept. */
MUST_CHECK enum err calls_summary(const struct calls *c, struct buf *out);

#endif
