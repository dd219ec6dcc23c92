/* webhook_sign.h - signatures of Standard Webhooks 1.0.0.
 *
 * Signed are the bytes id "." timestamp "." body. A secret is a text that says
 * what it is:
 *
 *   whsec_ + base64 of 24 to 64 random bytes     v1   HMAC-SHA256
 *   whsk_  + base64 of seed || public key        v1a  Ed25519
 *
 * A header may carry several signatures, separated by spaces, so that two secrets
 * can sign while one replaces the other.
 *
 * Threads: pure.  Memory: the key's copy is wiped before the call returns. */
#ifndef DOMAIN_WEBHOOK_SIGN_H
#define DOMAIN_WEBHOOK_SIGN_H

#include "ground/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum { WEBHOOK_SECRET_MIN = 24, WEBHOOK_SECRET_MAX = 64, WEBHOOK_SECRET_TEXT_MAX = 128 };

struct webhook_sign {
	const char *id; /* webhook-id */
	int64_t timestamp_s;
	const void *body;
	size_t body_len;
};

/* A new whsec_ secret of 32 random bytes. */
void webhook_secret_new(char out[WEBHOOK_SECRET_TEXT_MAX]);
/* Appends the signature ("v1,..." or "v1a,..."), after a space when out is not empty.
 *   ERR_INVALID_FIELD  the secret is not one     ERR_NOMEM, ERR_TOO_LARGE of out */
MUST_CHECK enum err webhook_sign(
	const struct webhook_sign *message, const char *secret, size_t secret_len, struct buf *out);

/* A tenant's secrets as they are kept, sealed: the one that signs, and while it replaces another
 * that one as well, until when both sign: "NOW" or "NOW BEFORE UNTIL", UNTIL in unix seconds. */
struct webhook_secrets {
	char now[WEBHOOK_SECRET_TEXT_MAX];
	char before[WEBHOOK_SECRET_TEXT_MAX]; /* "" = none */
	int64_t before_until_s;
};
/* False when text is no such text. Wipe *ret when it was read. */
MUST_CHECK bool webhook_secrets_read(const char *text, size_t len, struct webhook_secrets *ret);
/* ERR_NOMEM, ERR_TOO_LARGE of out */
MUST_CHECK enum err webhook_secrets_write(const struct webhook_secrets *secrets, struct buf *out);
/* Signs with each that is in force at the message's time, as webhook_sign. */
MUST_CHECK enum err webhook_secrets_sign(
	const struct webhook_secrets *secrets, const struct webhook_sign *message, struct buf *out);
/* What tells a secret from another without showing it. */
enum { WEBHOOK_MARK_MAX = 17 };
void webhook_secret_mark(const char *secret, char out[WEBHOOK_MARK_MAX]);

#endif
