#include "access/issuer_keys.h"

#include "access/authority.h"
#include "access/unproved.h"
#include "domain/egress.h"
#include "ground/clock.h"
#include "ground/log.h"
#include "ground/ring.h"
#include "identity/tenant_count.h"
#include "loops.h"
#include "ports/http.h"
#include "producer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { FETCHES_MAX = 64, BUCKETS = 4096, LOOK_MS = 1000, NETWORKS_MAX = 256, AGE_DIGITS = 6 };

/* Of one issuer, from its first token on until it is believed no longer. Made by any thread, freed
 * by the loop's alone, which may so keep one without the lock. */
struct entry {
	struct entry *next; /* of its bucket */
	struct ring turn;   /* where it waits to be fetched; else in no ring */
	struct issuer_keys *all;
	struct id issuer, tenant;
	uint64_t seen; /* the last look that found it believed */
	char *url;
	jwk_algs algs;
	struct jwk_set *set;
	uint8_t digest[DIGEST_SIZE];	      /* of the body it was read from */
	int64_t fetched_ms, tried_ms, ttl_ms; /* monotonic; 0: never */
	bool fetching;
	/* the fetch, on the loop's thread only */
	struct http_call *call;
	struct buf body;
	int status;
	int64_t age_s;
};

struct issuer_keys {
	struct producer *producer;
	struct http *http;
	struct loop_wake *wake;
	struct loop_timer *timer;
	pthread_mutex_t lock; /* guards the table, the ring and all but the fetch in entries */
	struct entry *buckets[BUCKETS];
	struct ring waiting; /* to be fetched, by when that was wanted */
	/* the loop's thread only */
	uint64_t looks;
	struct tenant_count *under_way; /* fetches */
	/* where keys may be fetched, of the newest configuration */
	size_t networks_n;
	struct egress_net networks[NETWORKS_MAX];
};

/* ---- what checks ask; any thread ---- */

/* An id ends in chance. */
static struct entry **place(struct issuer_keys *k, struct id issuer)
{
	struct entry **at;
	uint32_t hash;

	memcpy(&hash, issuer.bytes + sizeof issuer.bytes - sizeof hash, sizeof hash);
	at = &k->buckets[hash % BUCKETS];
	while (*at && !id_equal((*at)->issuer, issuer))
		at = &(*at)->next;
	return at;
}

static struct entry *entry_new(
	struct issuer_keys *k, struct entry **at, const struct trust_issuer *issuer)
{
	struct entry *e = calloc(1, sizeof *e);

	if (!e)
		return NULL;
	e->url = strdup(issuer->url);
	if (!e->url) {
		free(e);
		return NULL;
	}
	e->all = k;
	e->issuer = issuer->id;
	e->tenant = issuer->tenant;
	e->algs = issuer->algs;
	buf_init(&e->body, JWK_SET_BYTES_MAX);
	*at = e;
	return e;
}

/* Puts it behind those that wait, when it may be fetched and is not about to be. */
static bool want(struct entry *e)
{
	const bool tried = e->tried_ms && clock_ms() - e->tried_ms < ISSUER_KEYS_AGAIN_MS;

	if (tried || e->fetching || e->turn.next)
		return false;
	ring_join(&e->all->waiting, &e->turn);
	return true;
}

struct jwk_set *issuer_keys_hold(struct issuer_keys *k, const struct trust_issuer *issuer)
{
	int64_t stale_ms = k->producer->config->identity.stale_s * 1000;
	struct jwk_set *set = NULL;
	bool wake = false;
	struct entry **at, *e;

	(void)pthread_mutex_lock(&k->lock);
	at = place(k, issuer->id);
	e = *at ? *at : entry_new(k, at, issuer);
	if (e && e->set) {
		int64_t age_ms = clock_ms() - e->fetched_ms;

		if (age_ms <= e->ttl_ms + stale_ms)
			set = jwk_set_hold(e->set);
		wake = age_ms > e->ttl_ms && want(e);
	}
	(void)pthread_mutex_unlock(&k->lock);
	if (wake)
		loop_wake_send(k->wake);
	return set;
}

void issuer_keys_want(struct issuer_keys *k, struct id issuer)
{
	struct entry *e;
	bool wake;

	(void)pthread_mutex_lock(&k->lock);
	e = *place(k, issuer);
	wake = e && want(e);
	(void)pthread_mutex_unlock(&k->lock);
	if (wake)
		loop_wake_send(k->wake);
}

/* ---- a fetch; the loop's thread ---- */

/* It has left the others room, whatever came of it. */
static void fetch_leave(struct entry *e)
{
	e->call = NULL;
	tenant_count_less(e->all->under_way, e->tenant);
	buf_clear(&e->body);
	buf_init(&e->body, JWK_SET_BYTES_MAX);
	loop_wake_send(e->all->wake);
}

/* Takes what was fetched; NULL: the old set serves on. */
static void entry_settle(struct entry *e, struct jwk_set *fresh)
{
	struct jwk_set *old = NULL;
	bool moved = false;
	uint8_t digest[DIGEST_SIZE];

	digest_sha256(e->body.bytes ? e->body.bytes : "", e->body.len, digest);
	(void)pthread_mutex_lock(&e->all->lock);
	if (fresh) {
		moved = memcmp(digest, e->digest, sizeof digest) != 0;
		memcpy(e->digest, digest, sizeof digest);
		old = e->set;
		e->set = fresh;
		e->fetched_ms = clock_ms();
		e->ttl_ms = e->age_s * 1000;
	}
	e->tried_ms = clock_ms();
	e->fetching = false;
	(void)pthread_mutex_unlock(&e->all->lock);
	jwk_set_release(old);
	fetch_leave(e);
	if (moved)
		authority_moved(e->all->producer->authority);
	unproved_again(e->all->producer->unproved, e->issuer);
}

/* max-age within our bounds; anything unreadable is the least. */
static void age_read(struct entry *e, const char *value, size_t len)
{
	static const char word[] = "max-age=";
	const char *at = memmem(value, len, word, sizeof word - 1);
	int64_t age_s = 0;
	int digits = 0;

	if (!at)
		return;
	for (at += sizeof word - 1;
		at < value + len && *at >= '0' && *at <= '9' && digits < AGE_DIGITS; at++, digits++)
		age_s = age_s * 10 + (*at - '0');
	if (age_s > ISSUER_KEYS_TTL_MAX_S)
		age_s = ISSUER_KEYS_TTL_MAX_S;
	if (age_s > e->age_s)
		e->age_s = age_s;
}

static void on_header(void *owner, const char *name, size_t name_len, const char *value, size_t len)
{
	if (http_header_is(name, name_len, "Cache-Control"))
		age_read(owner, value, len);
}

static void on_status(void *owner, int status)
{
	struct entry *e = owner;

	e->status = status;
}

static enum err on_body(void *owner, const char *bytes, size_t len)
{
	struct entry *e = owner;

	return buf_append(&e->body, bytes, len);
}

static void on_end(void *owner, const struct http_end *end)
{
	struct entry *e = owner;
	struct jwk_set *fresh = NULL;
	enum err err = end->err;

	loop_work(e->all->producer->loop, WORK_issuers);
	if (!err && e->status != 200)
		err = ERR_UP_REJECTED;
	if (!err)
		err = jwk_set_read(
			e->body.bytes ? e->body.bytes : "", e->body.len, e->algs, &fresh);
	if (err)
		log_warn("an issuer's keys could not be fetched",
			LOG_ID("issuer", "iss", e->issuer), LOG_ERR(err),
			LOG_INT("status", e->status), LOG_END);
	entry_settle(e, fresh);
}

static bool may_reach(const void *policy, const struct sockaddr *address)
{
	const struct issuer_keys *k = policy;

	return egress_allowed(address, k->networks, k->networks_n);
}

static void networks_read(struct issuer_keys *k, const struct config *config)
{
	const struct config_texts *texts = &config->identity.allow_networks;

	k->networks_n = 0;
	for (size_t i = 0; i < texts->n && k->networks_n < NETWORKS_MAX; i++)
		if (egress_net_parse(texts->items[i], &k->networks[k->networks_n]))
			k->networks_n++;
}

/* It is not the issuer's fault: whoever comes next may try again. */
static void fetch_refuse(struct entry *e)
{
	(void)pthread_mutex_lock(&e->all->lock);
	e->fetching = false;
	(void)pthread_mutex_unlock(&e->all->lock);
	fetch_leave(e);
}

static void fetch(struct entry *e)
{
	static const struct http_events events = {
		.header = on_header, .status = on_status, .body = on_body, .end = on_end};
	static const char *const headers[] = {"Accept: application/json", NULL};
	const struct config *config = e->all->producer->config;
	const int64_t ms = config->identity.fetch_timeout_ms;
	const struct http_request request = {.method = "GET",
		.url = e->url,
		.headers = headers,
		.connect_ms = ms,
		.total_ms = ms,
		.reply_max = JWK_SET_BYTES_MAX,
		.may_reach = may_reach,
		.policy = e->all,
		.https_only = !config->identity.allow_http};

	networks_read(e->all, config);
	e->status = 0;
	e->age_s = ISSUER_KEYS_TTL_MIN_S;
	if (http_start(e->all->http, &request, &events, e, &e->call))
		fetch_refuse(e);
}

/* ---- whose turn it is ---- */

static bool has_room(struct issuer_keys *k, struct id tenant)
{
	return tenant_count_of(k->under_way, tenant) < ISSUER_KEYS_TENANT_MAX;
}

/* The first that waits whose tenant has not its part under way. */
static struct entry *turn_next(struct issuer_keys *k)
{
	struct ring *at = k->waiting.next;

	while (at != &k->waiting && !has_room(k, RING_OF(at, struct entry, turn)->tenant))
		at = at->next;
	return at == &k->waiting ? NULL : RING_OF(at, struct entry, turn);
}

static struct entry *turn_take(struct issuer_keys *k)
{
	struct entry *e = NULL;

	(void)pthread_mutex_lock(&k->lock);
	if (http_active(k->http) < FETCHES_MAX)
		e = turn_next(k);
	if (e && tenant_count_more(k->under_way, e->tenant))
		e = NULL;
	if (e) {
		ring_leave(&e->turn);
		e->fetching = true;
	}
	(void)pthread_mutex_unlock(&k->lock);
	return e;
}

static void on_wake(void *owner)
{
	struct issuer_keys *k = owner;
	struct entry *e;

	loop_work(k->producer->loop, WORK_issuers);
	while ((e = turn_take(k)))
		fetch(e);
}

/* ---- issuers that are gone ---- */

static void entry_free(struct entry *e)
{
	jwk_set_release(e->set);
	buf_clear(&e->body);
	free(e->url);
	free(e);
}

static void entry_end(struct entry *e)
{
	if (e->call) {
		http_cancel(e->call);
		fetch_leave(e);
	}
	entry_free(e);
}

/* Takes them out, as a list. */
static struct entry *gone_take(struct issuer_keys *k, const struct trust *trust)
{
	struct entry *gone = NULL, *e;

	k->looks++;
	for (size_t i = 0; i < trust->issuers_n; i++)
		if ((e = *place(k, trust->issuers[i].id)))
			e->seen = k->looks;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct entry **at = &k->buckets[i]; (e = *at);)
			if (e->seen == k->looks) {
				at = &e->next;
			} else {
				*at = e->next;
				ring_leave(&e->turn);
				e->next = gone;
				gone = e;
			}
	return gone;
}

static void look(void *owner)
{
	struct issuer_keys *k = owner;
	struct entry *gone = NULL;
	struct trust *trust;

	loop_work(k->producer->loop, WORK_issuers);
	(void)pthread_mutex_lock(&k->lock);
	/* behind the lock: who made an entry knew no newer one */
	trust = authority_trust(k->producer->authority);
	if (trust)
		gone = gone_take(k, trust);
	(void)pthread_mutex_unlock(&k->lock);
	trust_release(trust);
	for (struct entry *e = gone; e; e = gone) {
		gone = e->next;
		entry_end(e);
	}
	on_wake(k);
	loop_timer_start(k->timer, LOOK_MS);
}

/* ---- life ---- */

enum err issuer_keys_new(struct producer *producer, struct issuer_keys **ret_keys)
{
	struct issuer_keys *k = calloc(1, sizeof *k);
	enum err e;

	if (!k)
		return ERR_NOMEM;
	k->producer = producer;
	ring_init(&k->waiting);
	(void)pthread_mutex_init(&k->lock, NULL);
	e = tenant_count_new(&k->under_way);
	if (!e)
		e = http_new(producer->loop, FETCHES_MAX, &k->http);
	if (!e)
		e = loop_wake_new(producer->loop, on_wake, k, &k->wake);
	if (!e)
		e = loop_timer_new(producer->loop, look, k, &k->timer);
	if (e) {
		issuer_keys_free(k);
	} else {
		loop_timer_start(k->timer, LOOK_MS);
		*ret_keys = k;
	}
	return e;
}

void issuer_keys_free(struct issuer_keys *k)
{
	if (!k)
		return;
	http_free(k->http);
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct entry *e = k->buckets[i], *next; e; e = next) {
			next = e->next;
			entry_free(e);
		}
	tenant_count_free(k->under_way);
	loop_timer_free(k->timer);
	loop_wake_free(k->wake);
	(void)pthread_mutex_destroy(&k->lock);
	free(k);
}
