/* pseudonym.h - a person or an address in the audit: the same again each time, and nobody's name.
 *
 * 16 bytes of keyed BLAKE2b under the installation's key, over what kind of thing it
 * is, the tenant's own key and the thing: every request pays for two of them. Who has the record
 * alone, or a dump of it, cannot even try names out: the installation's key is no part of it.
 * Without a tenant's key (its row is gone with the tenant) nobody can any more.
 *
 * Threads: pure.  Memory: the key is wiped by its owner. */
#ifndef DOMAIN_PSEUDONYM_H
#define DOMAIN_PSEUDONYM_H

#include "ground/digest.h"
#include "ground/id.h"

enum { PSEUDONYM_KEY = 32 };

struct pseudonym_key {
	uint8_t bytes[PSEUDONYM_KEY];
};

/* From the text of a key file: base 64 of 32 bytes. ERR_CONFIG: it is not that. */
MUST_CHECK enum err pseudonym_key_read(const char *text, size_t len, struct pseudonym_key *ret_key);

/* kind: "actor", "address". tenant: its match key of PSEUDONYM_KEY bytes; NULL for an operator. */
struct id pseudonym(const struct pseudonym_key *key, const char *kind, const uint8_t *tenant,
	const void *bytes, size_t len);

#endif
