/* refresh_token.h - how a refresh token is spelt.
 *
 * lhr_ + 32 hex digits of its tenant + 64 of chance + 8 of a checksum, as API keys
 * have it (ground/apikey.h). The tenant says which rows the record may look at, and
 * nothing else: a token is known by the SHA-256 of its whole text.
 *
 * Threads: any.  Memory: values; wipe a text when done. */
#ifndef IDENTITY_REFRESH_TOKEN_H
#define IDENTITY_REFRESH_TOKEN_H

#include "ground/digest.h"
#include "ground/id.h"

enum { REFRESH_TOKEN_LEN = 4 + 32 + 64 + 8, REFRESH_TOKEN_MAX = REFRESH_TOKEN_LEN + 1 };

void refresh_token_new(struct id tenant, char out[REFRESH_TOKEN_MAX]);
/* True when text is spelt as one. Says nothing of rights. */
bool refresh_token_read(const char *text, struct id *ret_tenant);
void refresh_token_hash(const char *text, uint8_t out[DIGEST_SIZE]);

#endif
