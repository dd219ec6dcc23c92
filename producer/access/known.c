#include "access/known.h"

#include "access/keys.h"
#include "ground/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096 };

struct entry {
	struct entry *next;
	uint8_t hash[DIGEST_SIZE];
	struct caller caller; /* principal zero: no such key */
	uint64_t generation;
	int64_t loaded_ms;
	bool renewing;
};

/* Each is bounded apart: whoever guesses keys drives nobody's out. */
enum kind { OF_CALLER, OF_NOBODY, KINDS };

static const size_t most[KINDS] = {[OF_CALLER] = KEYS_MAX, [OF_NOBODY] = KEYS_UNKNOWN_MAX};

struct known {
	pthread_mutex_t lock;
	struct entry *buckets[BUCKETS];
	size_t n[KINDS];
};

static enum kind kind_of(const struct caller *caller)
{
	return id_is_zero(caller->principal) ? OF_NOBODY : OF_CALLER;
}

static struct entry **entry_place(struct known *k, const uint8_t hash[DIGEST_SIZE])
{
	struct entry **at = &k->buckets[(hash[0] | hash[1] << 8) % BUCKETS];

	while (*at && memcmp((*at)->hash, hash, DIGEST_SIZE) != 0)
		at = &(*at)->next;
	return at;
}

static void entry_drop(struct known *k, struct entry **at)
{
	struct entry *e = *at;

	*at = e->next;
	k->n[kind_of(&e->caller)]--;
	caller_clear(&e->caller);
	free(e);
}

static void empty(struct known *k, enum kind kind)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct entry **at = &k->buckets[i]; *at;)
			if (kind_of(&(*at)->caller) == kind)
				entry_drop(k, at);
			else
				at = &(*at)->next;
}

void known_put(struct known *k, const uint8_t hash[DIGEST_SIZE], uint64_t generation,
	const struct caller *caller)
{
	const enum kind kind = kind_of(caller);
	struct entry **at, *e;

	(void)pthread_mutex_lock(&k->lock);
	if (k->n[kind] >= most[kind])
		empty(k, kind);
	at = entry_place(k, hash);
	e = *at;
	if (!e && (e = calloc(1, sizeof *e))) {
		memcpy(e->hash, hash, DIGEST_SIZE);
		*at = e;
		k->n[OF_NOBODY]++; /* until the caller is in it */
	}
	if (e) {
		k->n[kind_of(&e->caller)]--;
		caller_clear(&e->caller);
		caller_copy(&e->caller, caller);
		k->n[kind_of(&e->caller)]++;
		e->generation = generation;
		e->loaded_ms = clock_ms();
		e->renewing = false;
	}
	(void)pthread_mutex_unlock(&k->lock);
}

static bool is_good(const struct entry *e, struct known_age want, int64_t age_ms)
{
	const bool unknown = kind_of(&e->caller) == OF_NOBODY;

	return age_ms < (unknown ? KEYS_UNKNOWN_TTL_MS : want.most_ms) &&
	       (e->caller.kind == CALLER_KEY || e->generation == want.generation);
}

enum known_answer known_get(
	struct known *k, const uint8_t hash[DIGEST_SIZE], struct known_age want, struct caller *ret)
{
	enum known_answer answer = KNOWN_NOT;
	struct entry *e;
	int64_t age_ms;

	(void)pthread_mutex_lock(&k->lock);
	e = *entry_place(k, hash);
	age_ms = e ? clock_ms() - e->loaded_ms : 0;
	if (e && is_good(e, want, age_ms)) {
		caller_clear(ret);
		caller_copy(ret, &e->caller);
		answer = age_ms > KEYS_RENEW_MS && !e->renewing ? KNOWN_RENEW : KNOWN;
		e->renewing |= answer == KNOWN_RENEW;
	}
	(void)pthread_mutex_unlock(&k->lock);
	return answer;
}

static void empty_all(struct known *k)
{
	for (enum kind kind = 0; kind < KINDS; kind++)
		empty(k, kind);
}

void known_forget(struct known *k)
{
	(void)pthread_mutex_lock(&k->lock);
	empty_all(k);
	(void)pthread_mutex_unlock(&k->lock);
}

enum err known_new(struct known **ret_known)
{
	struct known *k = calloc(1, sizeof *k);

	if (!k)
		return ERR_NOMEM;
	(void)pthread_mutex_init(&k->lock, NULL);
	*ret_known = k;
	return ERR_OK;
}

void known_free(struct known *k)
{
	if (!k)
		return;
	empty_all(k);
	(void)pthread_mutex_destroy(&k->lock);
	free(k);
}
