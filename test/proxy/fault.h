/* fault.h - what a line does to those who talk over it.
 *
 *   pass        nothing
 *   drop        nothing gets through and nobody is told: not bytes, not ends, not new lines
 *   to-client   only what the server says is lost
 *   to-server   only what the client says is lost
 *   reset       all lines are cut with RST, new ones at once
 *   refuse      the same, and nobody listens
 *   half-open   the server's ends are cut, the clients are not told; they learn it when they
 *               write after the healing; new lines work
 *   slow N      N bytes a second each way
 *   delay N     all bytes come N ms later
 *   cut N       each line is cut with RST after N more bytes, both ways counted together
 *
 * What was lost is not lost for ever: as with TCP it was not acknowledged, waits at
 * its sender and flows after the healing.
 *
 * Threads: pure.  Memory: values. */
#ifndef PROXY_FAULT_H
#define PROXY_FAULT_H

#include "ground/err.h"

#include <stdbool.h>
#include <stdint.h>

enum way { TO_SERVER, TO_CLIENT, WAYS };

struct fault {
	const char *name;
	bool takes_number;  /* its second word; otherwise there is none */
	bool still[WAYS];   /* nothing flows this way */
	bool resets;	    /* cuts what is open and what comes */
	bool deaf;	    /* does not even listen */
	bool orphans;	    /* cuts the servers' ends only, once */
	int64_t slow_per_s; /* 0: as fast as it goes */
	int64_t delay_ms;
	int64_t cut_after; /* 0: never */
};

/* A new line is let wait while nothing flows in one of the ways: TCP could not greet either. */
static inline bool fault_holds_new(const struct fault *f)
{
	return f->still[TO_SERVER] || f->still[TO_CLIENT];
}

/* Reads "NAME" or "NAME N", N from 1 on. ERR_INVALID_FIELD; *ret untouched then. */
MUST_CHECK enum err fault_parse(const char *text, struct fault *ret);
/* The one that does nothing. */
struct fault fault_none(void);

#endif
