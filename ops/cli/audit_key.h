/* audit_key.h - the next key of the audit's checkpoints, made on the host where its file lies.
 *
 * Threads: one, blocking.  Memory: the seed is wiped. */
#ifndef CLI_AUDIT_KEY_H
#define CLI_AUDIT_KEY_H

#include "call.h"

/* Puts a new seed into audit.signing_key_file, and says the public key. */
enum outcome audit_key_rotate(struct call *call);

#endif
