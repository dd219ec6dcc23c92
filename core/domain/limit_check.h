/* limit_check.h - limits that contradict each other.
 *
 * A request passes all of its levels. A limit that lets more in, in a time, than a wider one that
 * holds beside it can never be reached: whoever wrote it believes what is not so. That is refused
 * when it is written, whichever of the two comes second, or is taken away.
 *
 *   wider    global > tenant > role, user      global > ip
 *            tokens:global > tokens > tokens:role, tokens:user
 *
 * What a plan says itself is held against the wider limit as it is for that plan: its own, else the
 * default plan's, else the configuration's. A limit that a plan has from the default one says
 * nothing of this plan, so a plan may lower its tenant alone. Bursts are not compared: a burst
 * that the wider one cuts is reached by whoever comes alone. Requests and tokens contradict nothing
 * of each other.
 *
 * Threads: pure.  Memory: values that point into the rows. */
#ifndef DOMAIN_LIMIT_CHECK_H
#define DOMAIN_LIMIT_CHECK_H

#include "domain/request_limit.h"

#include <stddef.h>

enum { LIMIT_WHY_MAX = 448 };

struct limit_row {
	const char *plan; /* NULL: the configuration's */
	enum limit_level level;
	const char *role; /* of a level that has roles; else "" */
	struct request_limit limit;
};

struct limit_rows {
	const struct limit_row *list; /* of all plans */
	size_t n;
	const struct request_limit *configured; /* LIMIT_LEVELS of them */
};

struct limit_clash {
	struct limit_row narrow, wide;
};

/* Would the rows contradict each other with the changed one among them, or, where it is removed,
 * without? Only pairs of which it decides are looked at. */
bool limit_contradicts(const struct limit_rows *rows, const struct limit_row *changed, bool removed,
	struct limit_clash *ret_clash);
/* The path from the one to the other, and what each allows. */
void limit_clash_tell(const struct limit_clash *clash, char ret_why[LIMIT_WHY_MAX]);

#endif
