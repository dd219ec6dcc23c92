/* audit_signer.h - the public keys that sign checkpoints of the audit, as the record knows them.
 *
 * The newest one signs. One that was retired signs no more (audit_tree.h), and what it
 * signed stays good. The secret half of either is in a file of the schedulers (sequencer.h).
 *
 * Threads: the connection's.  Memory: rows die with the callback. */
#ifndef STORES_AUDIT_SIGNER_H
#define STORES_AUDIT_SIGNER_H

#include "ports/db.h"

struct audit_signer {
	const char *name; /* NAME+ID+BASE64, as checkpoint.h writes a key */
	int64_t since_ms;
	int64_t until_ms; /* since when another signs; 0 = it does */
};
enum { AUDIT_SIGNERS_MAX = 64 };
typedef void audit_signer_done(void *ctx, enum err e, const struct audit_signer *signers, size_t n);
/* The newest first; AUDIT_SIGNERS_MAX at most. */
MUST_CHECK enum err audit_signer_list(struct db *db, audit_signer_done *done, void *ctx);

#endif
