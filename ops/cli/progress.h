/* progress.h - what is going on, for who waits.
 *
 * On a terminal one line that is written over; elsewhere a plain line each time
 * the news is news.
 *
 * Threads: one.  Memory: fixed. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "call.h"

enum { PROGRESS_MAX = 160 };

struct progress {
	FILE *out;
	bool terminal;
	bool shown; /* a line stands on the terminal and must be wiped */
	char last[PROGRESS_MAX];
};

void progress_init(struct progress *p, const struct call *call);
/* news decides whether a plain line is due; detail is for the terminal's line alone. */
void progress_show(struct progress *p, const char *news, const char *detail);
/* Wipes the terminal's line, so that a result may stand there. */
void progress_end(struct progress *p);

#endif
