/* sequencer.h - the leader gives audit rows their places, and signs how far it came.
 *
 * A run takes what became final since the last (audit_tree.h), hashes it, appends a
 * batch to the record and, after 1,000 rows or audit.checkpoint_ms, a checkpoint: to
 * the record in the same transaction, then, at most once a second, to
 * audit.checkpoint_dir as `checkpoint` (the latest) and once an hour as `checkpoint-<size>`. What
 * stands outside of the record is what shows that the record lost its end, or had it changed, so
 * every run tries again until it stands there.
 *
 * The key is read again every two seconds: one that was put in its place signs from the next
 * checkpoint on, and the public keys of all stand outside as well (checkpoint_dir.h). A key
 * that another has followed signs no more, whoever still has it: the order of keys is part
 * of what is verified (audit_file.h).
 *
 * A checkpoint outside that is ahead of the record means that signed rows are gone
 * (a restore, or worse). It is put aside as `checkpoint-<size>-ahead`, with an error
 * in the log: `longhaul audit verify --checkpoint` shows with it what is missing.
 *
 * Threads: the scheduler's.  Memory: one struct; the signing key is wiped with it. */
#ifndef SCHEDULER_SEQUENCER_H
#define SCHEDULER_SEQUENCER_H

#include "leader.h"

#include "domain/checkpoint.h"
#include "stores/audit_tree.h"

struct sequencer;

/* Reads the signing key, when there is one. ERR_CONFIG (logged), ERR_NOMEM */
MUST_CHECK enum err sequencer_new(struct config *config, struct sequencer **ret_sequencer);
void sequencer_free(struct sequencer *sequencer);
/* A new term: what we knew may be another's work by now. */
void sequencer_forget(struct sequencer *sequencer);
/* Rows in the tree, and those of them that a checkpoint vouches for: outside, where a folder for
 * that is given. */
struct sequencer_state {
	uint64_t size, signed_size;
};
struct sequencer_state sequencer_state(const struct sequencer *sequencer);

/* The duty. */
MUST_CHECK enum err sequencer_run(struct leader *leader, bool *ret_busy);

#endif
