/* key_watch.h - which epochs' keys this producer holds, told to the record, and what it says.
 *
 * Without the active epoch's key it is not ready (health.c): nothing could be sealed.
 *
 * Threads: started and answered on the loop's and a lane's, one at a time.  Memory: fixed. */
#ifndef ACCESS_KEY_WATCH_H
#define ACCESS_KEY_WATCH_H

#include "record/record.h"

struct key_watch;
struct producer;

MUST_CHECK enum err key_watch_new(struct producer *p, struct key_watch **ret_watch);
/* After the record is closed. NULL is fine. */
void key_watch_free(struct key_watch *k);

extern const struct record_op key_watch_op;

#endif
