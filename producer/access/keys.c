#include "access/keys.h"

#include "domain/sealed.h"
#include "ground/apikey.h"
#include "ground/clock.h"
#include "producer.h"
#include "stores/api_key.h"
#include "stores/tenant.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { BUCKETS = 4096, TOUCH_MS = 60000 };

struct entry {
	struct entry *next;
	uint8_t hash[DIGEST_SIZE];
	struct caller caller; /* principal zero: no such key */
	int64_t loaded_ms;
	bool renewing;
};

struct keys {
	struct producer *producer;
	pthread_mutex_t lock;
	struct entry *buckets[BUCKETS];
	size_t n;
};

/* One look-up in the record. r is NULL when nobody waits. */
struct look {
	struct record_item item; /* first */
	struct keys *keys;
	struct request *r;
	uint8_t hash[DIGEST_SIZE];
	struct caller caller;
	int64_t last_used_ms;
};

struct touch {
	struct record_item item; /* first */
	struct id key;
};

/* ---- the cache ---- */

static struct entry **entry_place(struct keys *k, const uint8_t hash[DIGEST_SIZE])
{
	struct entry **at = &k->buckets[(hash[0] | hash[1] << 8) % BUCKETS];

	while (*at && memcmp((*at)->hash, hash, DIGEST_SIZE) != 0)
		at = &(*at)->next;
	return at;
}

static void caller_copy(struct caller *to, const struct caller *from)
{
	*to = *from;
	to->rights = NULL;
	if (to->facts)
		(void)tenant_facts_hold(to->facts);
}

static void cache_empty(struct keys *k)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct entry *e = k->buckets[i], *next; e; e = next) {
			next = e->next;
			caller_clear(&e->caller);
			free(e);
		}
	memset(k->buckets, 0, sizeof k->buckets);
	k->n = 0;
}

static void cache_put(struct keys *k, const struct look *look)
{
	struct entry **at, *e;

	(void)pthread_mutex_lock(&k->lock);
	if (k->n >= KEYS_MAX)
		cache_empty(k);
	at = entry_place(k, look->hash);
	e = *at;
	if (!e && (e = calloc(1, sizeof *e))) {
		memcpy(e->hash, look->hash, DIGEST_SIZE);
		*at = e;
		k->n++;
	}
	if (e) {
		caller_clear(&e->caller);
		caller_copy(&e->caller, &look->caller);
		e->loaded_ms = clock_ms();
		e->renewing = false;
	}
	(void)pthread_mutex_unlock(&k->lock);
}

enum known { KNOWN_NOT, KNOWN, KNOWN_RENEW };

/* Without the record a look at what needs none, metrics above all, is let in by an older copy. */
int64_t keys_vouched_ms(const struct request *r)
{
	const bool looks = strcmp(r->match.route->method, "GET") == 0;

	return looks && !record_is_up(r->producer->record, RECORD_READS) ? KEYS_AWAY_TTL_MS
									 : KEYS_TTL_MS;
}

static enum known cache_get(
	struct keys *k, const uint8_t hash[DIGEST_SIZE], int64_t ttl_ms, struct caller *ret)
{
	enum known known = KNOWN_NOT;
	struct entry *e;
	int64_t age;

	(void)pthread_mutex_lock(&k->lock);
	e = *entry_place(k, hash);
	age = e ? clock_ms() - e->loaded_ms : 0;
	if (e && age < (id_is_zero(e->caller.principal) ? KEYS_UNKNOWN_TTL_MS : ttl_ms)) {
		caller_clear(ret);
		caller_copy(ret, &e->caller);
		known = age > KEYS_RENEW_MS && !e->renewing ? KNOWN_RENEW : KNOWN;
		e->renewing |= known == KNOWN_RENEW;
	}
	(void)pthread_mutex_unlock(&k->lock);
	return known;
}

void keys_forget(struct keys *k)
{
	(void)pthread_mutex_lock(&k->lock);
	cache_empty(k);
	(void)pthread_mutex_unlock(&k->lock);
}

/* ---- a tenant's facts ---- */

static void origins_read(
	struct tenant_facts *facts, const struct sealed_box *box, struct db_bytes sealed)
{
	const struct sealed_where where = {SEALED_ORIGINS, facts->id, 0};
	struct sealed_view view;
	json_t *list = NULL;
	struct problems p = {0};

	if (!sealed.bytes || sealed_open(box, where, sealed.bytes, sealed.len, &view) != ERR_OK)
		return;
	if (json_read(view.bytes, view.len, 4, &p, &list) == ERR_OK)
		for (size_t i = 0; i < json_array_size(list) && facts->origins_n < ORIGINS_MAX;
			i++) {
			const char *text = json_string_value(json_array_get(list, i));
			char *copy = text ? strdup(text) : NULL;

			if (copy)
				facts->origins[facts->origins_n++] = copy;
		}
	json_decref(list);
	sealed_view_clear(&view);
}

/* One of 32 bytes is from before there were keys, and without a format. */
static enum err match_key_read(
	struct tenant_facts *facts, const struct sealed_box *box, struct db_bytes rests)
{
	const struct sealed_where where = {SEALED_MATCHING, facts->id, 0};
	struct sealed_view view = {rests.bytes, rests.len, NULL};
	enum err e = ERR_OK;

	if (rests.len != MATCH_KEY_BYTES)
		e = sealed_open(box, where, rests.bytes, rests.len, &view);
	else if (box->refuses_clear)
		e = ERR_SEALING;
	if (!e && view.len != MATCH_KEY_BYTES)
		e = ERR_DB_DATA;
	if (!e)
		memcpy(facts->match_key, view.bytes, MATCH_KEY_BYTES);
	if (view.owned)
		sealed_view_clear(&view);
	return e;
}

static enum err facts_new(
	const struct tenant *t, struct keyring *ring, struct tenant_facts **ret_facts)
{
	struct tenant_facts *facts = calloc(1, sizeof *facts);
	struct sealed_box box;
	enum err e;

	if (!facts)
		return ERR_NOMEM;
	facts->holders = 1;
	facts->id = t->id;
	facts->retention = t->retention;
	sealed_box_open(&box, ring, t->id, &t->key);
	e = match_key_read(facts, &box, t->match_key);
	if (!e)
		origins_read(facts, &box, t->callback_origins);
	sealed_box_close(&box);
	if (e)
		tenant_facts_release(facts);
	else
		*ret_facts = facts;
	return e;
}

/* ---- operations ---- */

static void found(void *ctx, enum err e, const struct api_key *keys, size_t n)
{
	struct record_batch *batch = ctx;
	struct look *look = (struct look *)(void *)batch->items[0];

	if (!e && n) {
		look->caller.credential = keys->id;
		look->caller.principal = id_is_zero(keys->user) ? keys->id : keys->user;
		look->caller.tenant = keys->tenant;
		look->caller.is_operator = keys->operator;
		look->last_used_ms = keys->last_used_ms;
	}
	record_batch_end(batch, e);
}

static enum err find_run(struct db *db, struct record_batch *batch)
{
	const struct look *look = (struct look *)(void *)batch->items[0];

	return api_key_find(db, look->hash, found, batch);
}

static void tenants_got(void *ctx, enum err e, const struct tenant *tenants, size_t n)
{
	struct record_batch *batch = ctx;

	for (size_t i = 0; !e && i < batch->n; i++) {
		struct look *look = (struct look *)(void *)batch->items[i];

		look->item.outcome = ERR_UNAUTHORIZED;
		for (size_t k = 0; k < n && !look->caller.facts; k++)
			if (id_equal(tenants[k].id, look->caller.tenant))
				look->item.outcome = facts_new(&tenants[k],
					look->keys->producer->keyring, &look->caller.facts);
	}
	record_batch_end(batch, e);
}

static enum err tenant_run(struct db *db, struct record_batch *batch)
{
	struct id ids[64];

	for (size_t i = 0; i < batch->n; i++)
		ids[i] = ((struct look *)(void *)batch->items[i])->caller.tenant;
	return tenant_get(db, ids, batch->n, tenants_got, batch);
}

static void touched(void *ctx, enum err e, const struct db_reply *reply)
{
	record_batch_end(ctx, e);
}

static enum err touch_run(struct db *db, struct record_batch *batch)
{
	struct id ids[64];

	for (size_t i = 0; i < batch->n; i++)
		ids[i] = ((struct touch *)(void *)batch->items[i])->key;
	return api_key_touch(db, ids, batch->n, touched, batch);
}

const struct record_op keys_find_op = {"key_find", RECORD_READS, 1, find_run, NULL};
const struct record_op keys_tenant_op = {"key_tenant", RECORD_READS, 64, tenant_run, NULL};
const struct record_op keys_touch_op = {"key_touch", RECORD_SLOW, 64, touch_run, NULL};

/* ---- a look-up ---- */

static void touch_done(struct record_item *item, enum err e)
{
	free(item);
}

static void touch_send(struct keys *k, struct id key)
{
	struct touch *t = calloc(1, sizeof *t);

	if (!t)
		return;
	t->item.op = &keys_touch_op;
	t->item.done = touch_done;
	t->key = key;
	if (record_add(k->producer->record, &t->item))
		free(t);
}

static void look_end(struct look *look, enum err e)
{
	struct request *r = look->r;

	if (!e)
		cache_put(look->keys, look);
	if (!e && clock_record_ms() - look->last_used_ms > TOUCH_MS &&
		!id_is_zero(look->caller.principal))
		touch_send(look->keys, look->caller.credential);
	if (r) {
		r->access_err = e;
		caller_clear(&r->caller);
		caller_copy(&r->caller, &look->caller);
	}
	caller_clear(&look->caller);
	free(look);
	if (r)
		request_resume(r);
}

static void facts_done(struct record_item *item, enum err e)
{
	struct look *look = (struct look *)(void *)item;

	if (e == ERR_UNAUTHORIZED) {
		caller_clear(&look->caller);
		e = ERR_OK;
	}
	look_end(look, e);
}

static void find_done(struct record_item *item, enum err e)
{
	struct look *look = (struct look *)(void *)item;

	if (e || id_is_zero(look->caller.principal) || look->caller.is_operator) {
		look_end(look, e);
		return;
	}
	item->op = &keys_tenant_op;
	item->done = facts_done;
	e = record_add(look->keys->producer->record, item);
	if (e)
		look_end(look, e);
}

static enum err look_start(struct keys *k, const uint8_t hash[DIGEST_SIZE], struct request *r)
{
	struct look *look = calloc(1, sizeof *look);
	enum err e;

	if (!look)
		return ERR_NOMEM;
	look->keys = k;
	look->r = r;
	memcpy(look->hash, hash, DIGEST_SIZE);
	look->item.op = &keys_find_op;
	look->item.done = find_done;
	if (r)
		request_park(r);
	e = record_add(k->producer->record, &look->item);
	if (e && r) {
		look_end(look, e);
		return ERR_OK;
	}
	if (e)
		free(look);
	return e;
}

/* ---- the hook ---- */

static const char *bearer(const char *authorization, size_t *ret_len)
{
	if (!authorization || strncasecmp(authorization, "Bearer ", 7) != 0)
		return NULL;
	authorization += 7;
	while (*authorization == ' ')
		authorization++;
	*ret_len = strlen(authorization);
	return authorization;
}

static enum err judge(struct request *r)
{
	bool operators = r->match.route->access == ROUTE_OPERATOR;
	enum err e = ERR_OK;

	if (r->access_err)
		e = r->access_err;
	else if (id_is_zero(r->caller.principal))
		e = ERR_UNAUTHORIZED;
	else if (r->caller.is_operator != operators)
		e = ERR_FORBIDDEN;
	if (e)
		request_fail(r, e);
	return e;
}

enum err keys_check(struct request *r, bool *ret_parked)
{
	struct keys *k = r->producer->keys;
	uint8_t hash[DIGEST_SIZE];
	enum known known = KNOWN_NOT;
	size_t len = 0;
	const char *text = bearer(r->authorization, &len);

	if (r->access_asked)
		return judge(r);
	/* what the cache knows was spelt right once; only others are worth the second digest */
	if (text && len == APIKEY_LEN) {
		apikey_hash(text, len, hash);
		known = cache_get(k, hash, keys_vouched_ms(r), &r->caller);
	}
	if (known == KNOWN_RENEW)
		(void)look_start(k, hash, NULL);
	if (known != KNOWN_NOT)
		return judge(r);
	if (!text || !apikey_spelt(text, len)) {
		request_fail(r, ERR_UNAUTHORIZED);
		return ERR_UNAUTHORIZED;
	}
	r->access_asked = true;
	if (look_start(k, hash, r)) {
		request_fail(r, ERR_NOMEM);
		return ERR_NOMEM;
	}
	*ret_parked = true;
	return ERR_OK;
}

enum err keys_new(struct producer *producer, struct keys **ret_keys)
{
	struct keys *k = calloc(1, sizeof *k);

	if (!k)
		return ERR_NOMEM;
	k->producer = producer;
	(void)pthread_mutex_init(&k->lock, NULL);
	*ret_keys = k;
	return ERR_OK;
}

void keys_free(struct keys *k)
{
	if (!k)
		return;
	cache_empty(k);
	(void)pthread_mutex_destroy(&k->lock);
	free(k);
}
