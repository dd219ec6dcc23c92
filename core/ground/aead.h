/* aead.h - bytes that nobody reads or changes without the key: XChaCha20-Poly1305.
 *
 * draft-irtf-cfrg-xchacha-03: 24 random bytes of nonce never meet again, whoever
 * draws them, so that processes need no counter in common. `about` is bound to the
 * bytes without being among them: moved elsewhere, they do not open.
 *
 * Keys lie in memory that is never swapped out or dumped and is wiped before it is
 * given back.
 *
 * Threads: any.  Memory: the caller's arrays. */
#ifndef GROUND_AEAD_H
#define GROUND_AEAD_H

#include "ground/digest.h"

enum { AEAD_KEY = 32, AEAD_NONCE = 24, AEAD_TAG = 16 };

/* Draws a nonce, seals len bytes where they stand, and puts the tag into the AEAD_TAG bytes behind
 * them. */
void aead_seal(const uint8_t key[AEAD_KEY], struct digest_part about, uint8_t nonce[AEAD_NONCE],
	void *bytes, size_t len);
/* out has len - AEAD_TAG bytes, and may be sealed itself. False: another key, another place, or
 * not what was sealed; out is then nothing to read. */
MUST_CHECK bool aead_open(const uint8_t key[AEAD_KEY], struct digest_part about,
	const uint8_t nonce[AEAD_NONCE], const void *sealed, size_t len, void *out);

/* Zeroed. NULL when there is none. */
void *aead_memory_new(size_t bytes);
/* Wipes it. NULL is fine. */
void aead_memory_free(void *memory);

#endif
