/* duration.h - lengths of time as people write and read them.
 *
 * Threads: pure.  Memory: none kept. */
#ifndef CLI_DURATION_H
#define CLI_DURATION_H

#include <stdbool.h>
#include <stdint.h>

/* "90", "90s", "10m", "2h", "3d": whole seconds. False when it is none of these or over 10,000
 * days. */
bool duration_parse(const char *text, int64_t *ret_s);

/* A point in time: RFC 3339, or "+90s", "-2h" from now_ms. False when it is neither. */
bool duration_when(const char *text, int64_t now_ms, int64_t *ret_ms);

enum { DURATION_TEXT_MAX = 24 };
/* Short, two units at most: "4 ms", "1.2 s", "3 min 20 s", "5 h 3 min", "2 d 4 h". */
void duration_format(int64_t ms, char out[DURATION_TEXT_MAX]);

#endif
