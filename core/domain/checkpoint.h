/* checkpoint.h - a signed statement of how long a log is and what it holds.
 *
 * The form is that of Certificate Transparency's younger relatives, so that their
 * tools read it: a checkpoint (C2SP tlog-checkpoint) is a signed note (C2SP
 * signed-note) whose text is the log's name, its size, its root in base 64, and,
 * as an extension line, when it was signed:
 *
 *   longhaul.audit
 *   4711
 *   qINS1GRFhWHwdkUeqLEoP4yEMkTBBzxBkGwGQlVlVcs=
 *   2026-01-31T12:00:00.000Z
 *
 *   - longhaul.audit aTNfmx8...   (with a dash of three bytes, U+2014)
 *
 * The last line is the name and base 64 of key id (4 bytes) and Ed25519 signature
 * over all up to the empty line. A public key is told as name+id+base64.
 *
 * Threads: pure.  Memory: values; a signer holds a secret and is wiped by
 * checkpoint_signer_clear. */
#ifndef DOMAIN_CHECKPOINT_H
#define DOMAIN_CHECKPOINT_H

#include "domain/merkle.h"
#include "ground/ed25519.h"

enum {
	CHECKPOINT_NAME_MAX = 65, /* with its NUL */
	CHECKPOINT_TEXT_MAX = 512,
	CHECKPOINT_KEY_TEXT_MAX = 160,
	CHECKPOINT_KEY_ID = 4
};

struct checkpoint {
	char log[CHECKPOINT_NAME_MAX]; /* letters, digits, . _ / - */
	struct merkle_tree tree;
	int64_t at_ms;
	size_t signed_by; /* as it was read: which of the keys signed it */
};

struct checkpoint_key {
	char log[CHECKPOINT_NAME_MAX];
	uint8_t id[CHECKPOINT_KEY_ID];
	uint8_t public_key[ED25519_PUBLIC];
};

struct checkpoint_signer {
	struct checkpoint_key key;
	uint8_t secret[ED25519_SECRET];
};

bool checkpoint_name_fits(const char *log);
/* From the text of a key file: base 64 of a seed of 32 bytes (`openssl rand -base64 32`).
 *   ERR_CONFIG  it is not that, or the name does not fit */
MUST_CHECK enum err checkpoint_signer_read(
	const char *log, const char *text, size_t len, struct checkpoint_signer *ret_signer);
void checkpoint_signer_clear(struct checkpoint_signer *signer);

void checkpoint_key_format(const struct checkpoint_key *key, char out[CHECKPOINT_KEY_TEXT_MAX]);
/* False when text is not a key, or its id not that of its bytes. */
bool checkpoint_key_parse(const char *text, size_t len, struct checkpoint_key *ret_key);

/* Appends the signed note. */
MUST_CHECK enum err checkpoint_sign(const struct checkpoint *checkpoint,
	const struct checkpoint_signer *signer, struct buf *out);
/* Reads a note and finds the key of its first signature.
 *   ERR_INVALID_FIELD  it is no checkpoint
 *   ERR_FORBIDDEN      none of the keys signed it, or the signature is wrong */
MUST_CHECK enum err checkpoint_read(const char *text, size_t len, const struct checkpoint_key *keys,
	size_t keys_n, struct checkpoint *ret_checkpoint);

#endif
