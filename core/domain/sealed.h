/* sealed.h - how content and caller-supplied strings rest in the record.
 *
 * A sealed value starts with a byte that names its format. Format 0 is clear
 * text, the only one until keys exist; later formats carry a key's epoch and a
 * nonce behind that byte, and both may lie side by side in one column, so that
 * nothing has to be rewritten at once. Because of this nobody compares sealed
 * values: equality is asked through sealed_match, a keyed hash.
 *
 * Threads: pure.  Memory: see each. */
#ifndef DOMAIN_SEALED_H
#define DOMAIN_SEALED_H

#include "ground/buf.h"
#include "ground/digest.h"

enum { SEALED_CLEAR = 0, SEALED_MATCH_KEY = 32, SEALED_OVERHEAD_MAX = 64 };

/* A tenant's keys. There are none yet: pass NULL. */
struct sealed_keys;

/* Appends the sealed form of bytes. ERR_NOMEM, ERR_TOO_LARGE of out. */
MUST_CHECK enum err sealed_close(
	const struct sealed_keys *keys, const void *bytes, size_t len, struct buf *out);

/* What a sealed value says. Points into the sealed bytes when they are clear, so these must live
 * as long; owned holds what had to be made. */
struct sealed_view {
	const char *bytes;
	size_t len;
	char *owned;
};
/* ERR_DB_DATA: not a value of ours, or of a format that this program does not know. */
MUST_CHECK enum err sealed_open(const struct sealed_keys *keys, const void *sealed, size_t len,
	struct sealed_view *ret_view);
/* Wipes and frees what open made. NULL is fine. */
void sealed_view_clear(struct sealed_view *view);

/* HMAC-SHA-256 under the tenant's match key of (what, name, value), each with its length, so that
 * no two triples share a hash by their seams. what: "subject" (name "") or "metadata". */
struct sealed_pair {
	const char *name;
	size_t name_len;
	const char *value;
	size_t value_len;
};
void sealed_match(const uint8_t key[SEALED_MATCH_KEY], const char *what, struct sealed_pair pair,
	uint8_t out[DIGEST_SIZE]);

#endif
