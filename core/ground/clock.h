/* clock.h - which time is which.
 *
 * Waits and deadlines inside a process use the monotonic clock. Times that
 * leave the process come from Postgres: every connection reports its now(), and
 * clock_record_ms() is the monotonic clock shifted to it, so that a host's wrong
 * wall clock neither misplaces a row nor ends a lease.
 *
 * Threads: any; the one shared datum, the offset, is atomic. */
#ifndef GROUND_CLOCK_H
#define GROUND_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Monotonic milliseconds / microseconds; no meaning outside this process. */
int64_t clock_ms(void);
int64_t clock_us(void);
/* Tells that Postgres' now() was record_ms (unix) at some moment between sent_us (clock_us())
 * and this one. What lies between says how wrong an answer may be, so the tightest of all counts,
 * until one that cannot agree with it: then the record's clock was set (F. Cristian,
 * Probabilistic clock synchronization, 1989). Never ahead: what one process dates (an id, a
 * token) lies before what another asks of the record afterwards (a revocation until now). */
void clock_sync(int64_t record_ms, int64_t sent_us);
/* The record's time in unix ms; the host's wall clock until first synced. */
int64_t clock_record_ms(void);
/* Was it synced? What is asked for afterwards is the record's time. */
bool clock_is_record(void);

enum { CLOCK_TEXT_MAX = 32 };
/* RFC 3339, UTC, milliseconds: 2026-01-31T12:00:00.000Z */
void clock_format(int64_t unix_ms, char out[CLOCK_TEXT_MAX]);
/* Parses RFC 3339 with any offset. Returns 0, or -1 when it is not one. */
int clock_parse(const char *text, int64_t *ret_unix_ms);

#endif
