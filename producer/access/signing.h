/* signing.h - a new key that signs our tokens: made, sealed, handed to whoever stores it.
 *
 * Threads: a lane's.  Memory: the secret half lives sealed but for the moment in which it is
 * made. */
#ifndef ACCESS_SIGNING_H
#define ACCESS_SIGNING_H

#include "access/own_key.h"
#include "record/record.h"
#include "stores/signing_key.h"

/* One making; lives until its batch ends. */
struct signing {
	struct keyring *ring;
	/* Starts the statement that stores it, whose callback ends the batch. */
	enum err (*store)(struct db *db, const struct signing_key *key, struct record_batch *batch);
	struct subject_key own; /* the installation's */
	struct db *db;
	struct record_batch *batch;
};

/* Runs store with a new id, public_key and secret. For record_op's run, with ring and store set. */
MUST_CHECK enum err signing_make(
	struct signing *signing, struct db *db, struct record_batch *batch);

#endif
