#include "access/data_keys.h"

#include "ground/clock.h"

#include <pthread.h>
#include <stdlib.h>

/* A key id is a hash: it names its set. */
enum { SETS = 2048, WAYS = 4 };

struct entry {
	struct subject_key key;
	struct db_origin origin; /* of the record that has it */
	int64_t put_ms;		 /* 0 = free */
};

struct data_keys {
	pthread_mutex_t lock;
	struct entry sets[SETS][WAYS];
};

enum err data_keys_new(struct data_keys **ret_keys)
{
	struct data_keys *k = calloc(1, sizeof *k);

	if (!k)
		return ERR_NOMEM;
	(void)pthread_mutex_init(&k->lock, NULL);
	*ret_keys = k;
	return ERR_OK;
}

void data_keys_free(struct data_keys *k)
{
	if (!k)
		return;
	(void)pthread_mutex_destroy(&k->lock);
	free(k);
}

static struct entry *set_of(struct data_keys *k, const struct subject_key *key)
{
	return k->sets[(key->key.id.bytes[0] | key->key.id.bytes[1] << 8) % SETS];
}

static bool is_of(const struct entry *e, const struct subject_key *key)
{
	return e->put_ms && id_equal(e->key.key.id, key->key.id) &&
	       id_equal(e->key.tenant, key->tenant);
}

bool data_keys_find(struct data_keys *k, const struct db *db, struct subject_key *key)
{
	const int64_t least_ms = clock_ms() - DATA_KEYS_TTL_MS;
	struct entry *set = set_of(k, key);
	struct db_origin origin;
	bool found = false;

	db_origin_read(db, &origin);
	(void)pthread_mutex_lock(&k->lock);
	for (size_t i = 0; i < WAYS && !found; i++) {
		found = is_of(&set[i], key) && set[i].put_ms > least_ms &&
			db_origin_equal(&set[i].origin, &origin);
		if (found)
			*key = set[i].key;
	}
	(void)pthread_mutex_unlock(&k->lock);
	return found;
}

void data_keys_put(struct data_keys *k, const struct db *db, const struct subject_key *key)
{
	struct entry *set = set_of(k, key), *at = set;
	struct db_origin origin;

	db_origin_read(db, &origin);
	(void)pthread_mutex_lock(&k->lock);
	for (size_t i = 0; i < WAYS && !is_of(at, key); i++)
		if (is_of(&set[i], key) || set[i].put_ms < at->put_ms)
			at = &set[i];
	*at = (struct entry){*key, origin, clock_ms()};
	(void)pthread_mutex_unlock(&k->lock);
}
