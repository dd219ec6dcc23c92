/* absence.h - what was not found, in words.
 *
 * "There is no such thing" leaves its reader guessing whether the path or the name in it
 * is wrong. The route knows: a parameter stands behind the word for what it names.
 *
 * Threads: pure.  Memory: the caller's. */
#ifndef HTTP_ABSENCE_H
#define HTTP_ABSENCE_H

#include "http/route.h"

enum { ABSENCE_MAX = 160 };

/* "there is no queue called mails", "nothing is served at this path". A match without a route is
 * the latter; NULL: the route names nothing, the error's own sentence will do. */
const char *absence_text(const struct route_match *match, char out[ABSENCE_MAX]);

#endif
