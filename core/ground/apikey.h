/* apikey.h - how an API key is spelt, checked and stored.
 *
 * lh_ + 64 hex digits of chance + 8 of a checksum (the first four bytes of the
 * SHA-256 of all before it), so that secret scanners find one with few mistakes
 * and a mistyped key is refused without a look at the database. Only the SHA-256
 * of the whole text is stored: with 256 bits of chance, no slow hash is needed.
 *
 * Threads: any.  Memory: values; wipe a key's text with digest_wipe when done. */
#ifndef GROUND_APIKEY_H
#define GROUND_APIKEY_H

#include "ground/digest.h"

enum { APIKEY_LEN = 3 + 64 + 8, APIKEY_TEXT_MAX = APIKEY_LEN + 1 };

void apikey_new(char out[APIKEY_TEXT_MAX]);
/* True when text is spelt as a key and its checksum fits. Says nothing of rights. */
bool apikey_spelt(const char *text, size_t len);
/* What the record keeps and is asked for. */
void apikey_hash(const char *text, size_t len, uint8_t out[DIGEST_SIZE]);

#endif
