/* limits_now.h - what is at its limit now.
 *
 *   GET /v1/limits/now   a row for each level of requests at which this producer refused somebody
 * in the last minute, and one for each tenant whose jobs wait for its tokens
 *
 * Tenants' tokens are what workers share through Redis; of the NOW_PAYERS used last. Without
 * Redis there are none.
 *
 * Threads: as other calls.  Memory: the request's. */
#ifndef LIMITS_LIMITS_NOW_H
#define LIMITS_LIMITS_NOW_H

#include "http/request.h"

enum { NOW_PAYERS = 500 };

void limits_now_get(struct request *r);

#endif
