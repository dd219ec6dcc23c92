/* history.h - what a program says that began another history of the record (stores/epoch.h).
 *
 * Threads: any.  Memory: none. */
#ifndef CONNECT_HISTORY_H
#define CONNECT_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

/* The history before ends at ends_ms (0: unknown); held jobs ran then, and wait for an operator's
 * word (reviewed) or run again. */
void history_tell(uint32_t timeline, int64_t ends_ms, int64_t held, bool reviewed);

#endif
