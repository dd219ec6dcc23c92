/* known.h - callers by the SHA-256 of what they showed: who was looked up is not looked up again.
 *
 * An entry is good for as long as whoever looks says, one of an unknown key for a
 * shorter while; a token's only as long as the authority's generation under which it was checked.
 * The first use of an entry that is about to end is told to renew it.
 *
 * Threads: any; one lock, held for a look-up.  Memory: at most KEYS_MAX entries of
 * callers and KEYS_UNKNOWN_MAX of unknown keys; what is full is emptied, the other stays. */
#ifndef ACCESS_KNOWN_H
#define ACCESS_KNOWN_H

#include "access/caller.h"
#include "ground/digest.h"

struct known;

MUST_CHECK enum err known_new(struct known **ret_known);
/* NULL is fine. */
void known_free(struct known *k);

enum known_answer { KNOWN_NOT, KNOWN, KNOWN_RENEW };

/* What counts for this look. */
struct known_age {
	int64_t most_ms; /* keys_vouched_ms */
	uint64_t generation;
};
/* Fills ret (cleared before) unless KNOWN_NOT. */
enum known_answer known_get(struct known *k, const uint8_t hash[DIGEST_SIZE], struct known_age want,
	struct caller *ret);
/* Copies the caller; without memory it is not known. */
void known_put(struct known *k, const uint8_t hash[DIGEST_SIZE], uint64_t generation,
	const struct caller *caller);
void known_forget(struct known *k);

#endif
