#include "domain/keyring.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct slot {
	int32_t epoch; /* 0 = free */
	bool is_gone;  /* from where it was loaded */
	uint8_t key[AEAD_KEY];
};

struct keyring {
	pthread_mutex_t lock;
	struct slot *slots;	/* KEYRING_MAX, in locked memory */
	struct key_state state; /* under the lock */
	_Atomic int32_t active;
	_Atomic int32_t lacked_epoch;
	_Atomic size_t lacked;
	_Atomic bool refuses_clear;
};

enum err keyring_new(struct keyring **ret_ring)
{
	struct keyring *ring = calloc(1, sizeof(*ring));

	if (ring == NULL)
		return ERR_NOMEM;
	ring->slots = aead_memory_new(KEYRING_MAX * sizeof(*ring->slots));
	if (ring->slots == NULL) {
		free(ring);
		return ERR_NOMEM;
	}
	(void)pthread_mutex_init(&ring->lock, NULL);
	*ret_ring = ring;
	return ERR_OK;
}

void keyring_free(struct keyring *ring)
{
	if (ring == NULL)
		return;
	aead_memory_free(ring->slots);
	(void)pthread_mutex_destroy(&ring->lock);
	free(ring);
}

/* Under the lock. epoch 0 finds a free one. */
static struct slot *slot_find(struct keyring *ring, int32_t epoch)
{
	for (size_t i = 0; i < KEYRING_MAX; i++)
		if (ring->slots[i].epoch == epoch)
			return &ring->slots[i];
	return NULL;
}

static enum err slot_fill(struct keyring *ring, int32_t epoch, const uint8_t key[AEAD_KEY])
{
	struct slot *slot = slot_find(ring, epoch);

	if (slot != NULL)
		return digest_equal(slot->key, key, AEAD_KEY) ? ERR_OK : ERR_CONFLICT;
	slot = slot_find(ring, 0);
	if (slot == NULL)
		return ERR_TOO_LARGE;
	slot->epoch = epoch;
	slot->is_gone = false;
	memcpy(slot->key, key, AEAD_KEY);
	return ERR_OK;
}

enum err keyring_add(struct keyring *ring, int32_t epoch, const uint8_t key[AEAD_KEY])
{
	enum err e;

	(void)pthread_mutex_lock(&ring->lock);
	e = slot_fill(ring, epoch, key);
	(void)pthread_mutex_unlock(&ring->lock);
	return e;
}

void keyring_drop(struct keyring *ring, int32_t epoch)
{
	struct slot *slot;

	(void)pthread_mutex_lock(&ring->lock);
	slot = epoch > 0 ? slot_find(ring, epoch) : NULL;
	if (slot != NULL)
		digest_wipe(slot, sizeof(*slot));
	(void)pthread_mutex_unlock(&ring->lock);
}

bool keyring_has(struct keyring *ring, int32_t epoch)
{
	bool has;

	(void)pthread_mutex_lock(&ring->lock);
	has = epoch > 0 && slot_find(ring, epoch) != NULL;
	(void)pthread_mutex_unlock(&ring->lock);
	return has;
}

static int by_number(const void *a, const void *b)
{
	const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

size_t keyring_list(struct keyring *ring, int32_t ret_epochs[KEYRING_MAX])
{
	size_t n = 0;

	(void)pthread_mutex_lock(&ring->lock);
	for (size_t i = 0; i < KEYRING_MAX; i++)
		if (ring->slots[i].epoch != 0)
			ret_epochs[n++] = ring->slots[i].epoch;
	(void)pthread_mutex_unlock(&ring->lock);
	qsort(ret_epochs, n, sizeof(*ret_epochs), by_number);
	return n;
}

static bool is_among(int32_t epoch, const int32_t *epochs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (epochs[i] == epoch)
			return true;
	return false;
}

void keyring_lie(struct keyring *ring, const int32_t *epochs, size_t n)
{
	(void)pthread_mutex_lock(&ring->lock);
	for (size_t i = 0; i < KEYRING_MAX; i++)
		ring->slots[i].is_gone = !is_among(ring->slots[i].epoch, epochs, n);
	(void)pthread_mutex_unlock(&ring->lock);
}

bool keyring_lies(struct keyring *ring, int32_t epoch)
{
	const struct slot *slot;
	bool lies;

	(void)pthread_mutex_lock(&ring->lock);
	slot = epoch > 0 ? slot_find(ring, epoch) : NULL;
	lies = slot != NULL && !slot->is_gone;
	(void)pthread_mutex_unlock(&ring->lock);
	return lies;
}

bool keyring_mark(struct keyring *ring, int32_t epoch, uint8_t ret_mark[KEYRING_MARK])
{
	static const struct digest_part what = {"longhaul key epoch", 18};
	uint8_t key[AEAD_KEY], digest[DIGEST_SIZE];

	if (!keyring_has(ring, epoch) || !keyring_copy(ring, epoch, key))
		return false;
	digest_hmac(key, sizeof(key), &what, 1, digest);
	digest_wipe(key, sizeof(key));
	memcpy(ret_mark, digest, KEYRING_MARK);
	return true;
}

void keyring_activate(struct keyring *ring, int32_t epoch)
{
	ring->active = epoch;
}

void keyring_judge(struct keyring *ring, const struct key_state *state)
{
	(void)pthread_mutex_lock(&ring->lock);
	ring->state = *state;
	(void)pthread_mutex_unlock(&ring->lock);
}

struct key_state keyring_judged(struct keyring *ring)
{
	struct key_state state;

	(void)pthread_mutex_lock(&ring->lock);
	state = ring->state;
	(void)pthread_mutex_unlock(&ring->lock);
	return state;
}

int32_t keyring_active(struct keyring *ring)
{
	const int32_t active = ring->active;

	return active != 0 && keyring_has(ring, active) ? active : 0;
}

void keyring_refuse_clear(struct keyring *ring, bool refuse)
{
	ring->refuses_clear = refuse;
}

bool keyring_refuses_clear(const struct keyring *ring)
{
	return ring->refuses_clear;
}

size_t keyring_lacked(struct keyring *ring, int32_t *ret_epoch)
{
	*ret_epoch = ring->lacked_epoch;
	return atomic_exchange(&ring->lacked, 0);
}

bool keyring_copy(struct keyring *ring, int32_t epoch, uint8_t ret_key[AEAD_KEY])
{
	const struct slot *slot;

	(void)pthread_mutex_lock(&ring->lock);
	slot = epoch > 0 ? slot_find(ring, epoch) : NULL;
	if (slot != NULL)
		memcpy(ret_key, slot->key, AEAD_KEY);
	(void)pthread_mutex_unlock(&ring->lock);
	if (slot == NULL && epoch > 0) {
		ring->lacked_epoch = epoch;
		ring->lacked++;
	}
	return slot != NULL;
}
