#include "ground/aead.h"

#include <sodium.h>

void aead_seal(const uint8_t key[AEAD_KEY], struct digest_part about, uint8_t nonce[AEAD_NONCE],
	void *bytes, size_t len)
{
	digest_random(nonce, AEAD_NONCE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(
		bytes, NULL, bytes, len, about.bytes, about.len, NULL, nonce, key);
}

bool aead_open(const uint8_t key[AEAD_KEY], struct digest_part about,
	const uint8_t nonce[AEAD_NONCE], const void *sealed, size_t len, void *out)
{
	return len >= AEAD_TAG && crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL,
					  sealed, len, about.bytes, about.len, nonce, key) == 0;
}

/* Its pages are locked and left out of core dumps as far as the system's limits allow, with a guard
 * page on either side. */
void *aead_memory_new(size_t bytes)
{
	void *memory;

	if (sodium_init() < 0)
		return NULL;
	memory = sodium_malloc(bytes);
	if (memory != NULL)
		sodium_memzero(memory, bytes);
	return memory;
}

void aead_memory_free(void *memory)
{
	sodium_free(memory);
}
