/* company.h - how long a few changes gather behind the last commit of their kind.
 *
 * A commit of four costs Postgres hardly more than one of one. So what comes soon after a commit
 * waits for more until wait_ms after it; what comes alone goes at once. Where even so short a time
 * brought several together, they come densely: gathering longer then saves whole commits of a
 * machine that is busy, and is little beside what it saves others from waiting. Where it brought
 * many, they are there in no time: the few behind them often wait for their own answers. */
#ifndef GROUND_COMPANY_H
#define GROUND_COMPANY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { COMPANY_DENSE = 3, COMPANY_MANY = 8, COMPANY_DENSE_TIMES = 3 };

/* last_n: so many went with the last commit. */
static inline int64_t company_wait_ms(int64_t wait_ms, size_t last_n)
{
	const bool is_dense = last_n >= COMPANY_DENSE && last_n < COMPANY_MANY;

	return is_dense ? wait_ms * COMPANY_DENSE_TIMES : wait_ms;
}

#endif
