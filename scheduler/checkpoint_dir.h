/* checkpoint_dir.h - what of the audit stands outside of the record, in audit.checkpoint_dir.
 *
 *   checkpoint              the latest
 *   checkpoint-<rows>       the first of each hour; with -ahead: rows that the record lost
 *   keys                    the public key of everyone who signed them, one a line, the oldest
 * first
 *
 * Whoever owns the record cannot write here: so what lies here is believed by the keys that lie
 * here, and by the one that signs now.
 *
 * Threads: one writer.  Memory: values. */
#ifndef SCHEDULER_CHECKPOINT_DIR_H
#define SCHEDULER_CHECKPOINT_DIR_H

#include "domain/checkpoint.h"

#define CHECKPOINT_LATEST "checkpoint"

/* The size of the latest, by whoever of these signed it; 0 when there is none. */
uint64_t checkpoint_dir_size(const char *folder, const struct checkpoint_key *own);
/* own is among the keys there from now on, as the newest. ERR_SYSTEM: errno says why. */
MUST_CHECK enum err checkpoint_dir_publish(const char *folder, const struct checkpoint_key *own);

#endif
