/* sealed.h - how content and caller-supplied strings rest in the record.
 *
 * A sealed value starts with a byte that names its format. Both may lie side by
 * side in one column, so that nothing has to be rewritten at once.
 *
 *   0  clear text: what was stored before there were keys. Read until the record is
 *      sealed throughout (keyring_refuse_clear), never written.
 *   1  key version (4 bytes, big endian), nonce (24), XChaCha20-Poly1305 of the text
 *      (as long as it), tag (16). Bound to its tenant, data key, column, row and
 *      version: moved anywhere else it does not open.
 *
 * Each subject of a tenant has a data key, 32 random bytes, which rests wrapped by
 * the key of an epoch (keyring.h). Its id is the first half of the subject's keyed
 * hash, kept in the row beside the values; the id zero is the tenant's own key.
 * Destroy the wrapped key, and what it sealed is gone wherever it lies.
 *
 * Because of all this nobody compares sealed values: equality is asked through
 * sealed_match, a keyed hash.
 *
 * Threads: pure but for the keyring's lock.  Memory: see each. An opened key lives as long as its
 * box: the caller's next few lines. */
#ifndef DOMAIN_SEALED_H
#define DOMAIN_SEALED_H

#include "domain/keyring.h"
#include "ground/buf.h"
#include "ground/id.h"

enum { SEALED_CLEAR = 0, SEALED_XCHACHA = 1, SEALED_MATCH_KEY = 32 };
/* Before a text and behind it. */
enum { SEALED_HEAD = 1 + 4 + AEAD_NONCE, SEALED_OVERHEAD = SEALED_HEAD + AEAD_TAG };

/* Where a value rests: table and column. */
#define SEALED_PLACES(X)                                   \
	X(INPUT, "job_input.input")                        \
	X(SUBJECT, "job_input.subject")                    \
	X(METADATA, "job_input.metadata")                  \
	X(CALLBACK, "job_input.callback")                  \
	X(FALLBACK, "job_input.fallback")                  \
	X(TRACE, "job_input.trace")                        \
	X(RESULT, "job_result.body")                       \
	X(MESSAGE, "attempt.message")                      \
	X(EVENT, "job_event.text")                         \
	X(LIVE, "redis.live")                              \
	X(MATCHING, "tenant_setting.match_key")            \
	X(WEBHOOK_SECRET, "tenant_setting.webhook_secret") \
	X(ORIGINS, "tenant_setting.callback_origins")      \
	X(APPROVAL, "approval.call")                       \
	X(SIGNING_KEY, "signing_key.secret")               \
	X(ISSUER_SECRET, "issuer.secret")
#define SEALED_PLACE_NAME(name, text) SEALED_##name,
enum sealed_place { SEALED_PLACES(SEALED_PLACE_NAME) SEALED_PLACES_N };
#undef SEALED_PLACE_NAME
const char *sealed_place_text(enum sealed_place place);
/* False: text is none of them. */
bool sealed_place_find(const char *text, enum sealed_place *ret_place);

/* Which row of it: the id of its job, tenant, approval, signing key or issuer, and a number where a
 * job has several (its fence, an event's). */
struct sealed_where {
	enum sealed_place place;
	struct id row;
	int64_t part;
};

/* ---- data keys ---- */

/* A data key as it rests: version, epoch, nonce, wrapped key, tag. */
enum { SEALED_KEY_BYTES = 4 + 4 + AEAD_NONCE + AEAD_KEY + AEAD_TAG };
struct sealed_key {
	struct id id;
	uint8_t wrapped[SEALED_KEY_BYTES]; /* all zero: there is none */
};
bool sealed_key_there(const struct sealed_key *key);
int32_t sealed_key_epoch(const struct sealed_key *key);
/* The bytes that the record has; of another length they are none. */
struct sealed_key sealed_key_of(struct id id, const void *bytes, size_t len);
/* A new one, wrapped by the active epoch. ERR_SEALING: there is no active epoch here. */
MUST_CHECK enum err sealed_key_make(
	struct keyring *ring, struct id tenant, struct id id, struct sealed_key *ret_key);
/* The same key wrapped by the active epoch. ERR_SEALING: its epoch, or the active one, is not held.
 */
MUST_CHECK enum err sealed_key_rewrap(struct keyring *ring, struct id tenant,
	const struct sealed_key *key, struct sealed_key *ret_key);

/* ---- a box: one data key, opened for the next few values ---- */

struct sealed_box {
	struct id tenant, id;
	bool there;	    /* false: there is no key, or its epoch is not held */
	bool refuses_clear; /* clear values are no longer read */
	uint8_t version[4];
	uint8_t key[AEAD_KEY];
};
/* Never fails: with a box that is not there sealed values neither open nor close (ERR_SEALING).
 * key may be NULL; without a ring clear values alone are opened. */
void sealed_box_open(struct sealed_box *box, struct keyring *ring, struct id tenant,
	const struct sealed_key *key);
/* Wipes it. */
void sealed_box_close(struct sealed_box *box);

/* ---- values ---- */

/* True in the build without protection (MODE=clear), which writes format 0: the tests' control. */
bool sealed_is_off(void);
/* Appends the sealed form of bytes. ERR_NOMEM, ERR_TOO_LARGE of out, ERR_SEALING. */
MUST_CHECK enum err sealed_close(const struct sealed_box *box, struct sealed_where where,
	const void *bytes, size_t len, struct buf *out);
/* For texts that are gathered before their key is known: room appends bytes with what seals them
 * still empty, SEALED_OVERHEAD + len in all, and stand seals them there. */
MUST_CHECK enum err sealed_room(const void *bytes, size_t len, struct buf *out);
MUST_CHECK enum err sealed_stand(
	const struct sealed_box *box, struct sealed_where where, char *room, size_t room_len);

/* What a sealed value says. Points into the sealed bytes when they are clear, so these must live
 * as long; owned holds what had to be made. */
struct sealed_view {
	const char *bytes;
	size_t len;
	char *owned;
};
/*   ERR_SEALING  its key is gone or not held here, or it was not sealed for this place
 *   ERR_DB_DATA  not a value of ours, or of a format that is not read (any more) */
MUST_CHECK enum err sealed_open(const struct sealed_box *box, struct sealed_where where,
	const void *sealed, size_t len, struct sealed_view *ret_view);
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
