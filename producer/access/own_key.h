/* own_key.h - a data key of nobody's but the installation or a tenant as a whole, for what is
 * sealed for either: signing keys, secrets of issuers, a tenant's webhook secret.
 *
 * It is made by whoever first needs it (subject_key.h), on the lane of the operation
 * that is about to store something sealed by it.
 *
 * Threads: a lane's.  Memory: the caller's. */
#ifndef ACCESS_OWN_KEY_H
#define ACCESS_OWN_KEY_H

#include "stores/subject_key.h"

/* Fills key with what the record has for its tenant and id, made when there is none; then calls
 * keyed. In the build without protection (sealed_is_off) there is none, and keyed is called at
 * once. ERR_SEALING  there is no active epoch here: keyed is not called */
MUST_CHECK enum err own_key_ensure(struct keyring *ring, struct db *db, struct subject_key *key,
	subject_key_done *keyed, void *ctx);
/* Appends the sealed form of bytes to out. As sealed_close. */
MUST_CHECK enum err own_key_close(struct keyring *ring, const struct subject_key *key,
	struct sealed_where where, struct db_bytes bytes, struct buf *out);

#endif
