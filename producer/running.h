/* running.h - a producer from its first thread to its last.
 *
 * Order of start: what others ask is made, the record's lanes, what reads the record
 * again and again (queues, authority, holders, plans), limits, live, bulk, the loop's
 * thread, servers.
 * Order of stop: nothing new is accepted, watchers are told, requests end, the
 * servers, then everything in the opposite order.
 *
 * Threads: main.  Memory: running_stop frees all. */
#ifndef RUNNING_H
#define RUNNING_H

#include "producer.h"

/* Takes config over. Failures are logged with what to do, and leave nothing behind. */
MUST_CHECK enum err running_start(struct config *config, struct producer **ret_producer);
/* False: so many configurations are kept by now that only a restart takes another one. */
bool running_may_configure(struct producer *p);
/* Puts a reloaded configuration in force (taken over); the one before it is kept until the end. */
void running_configure(struct producer *p, struct config *config);
void running_drain(struct producer *p);
bool running_busy(const struct producer *p);
/* NULL is fine. */
void running_stop(struct producer *p);

#endif
