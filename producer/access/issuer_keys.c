#include "access/issuer_keys.h"

#include "access/authority.h"
#include "access/unproved.h"
#include "domain/egress.h"
#include "ground/clock.h"
#include "ground/log.h"
#include "loops.h"
#include "ports/http.h"
#include "producer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { FETCHES_MAX = 64, NETWORKS_MAX = 256, AGE_DIGITS = 6 };

/* Of one issuer, from its first token on. */
struct entry {
	struct entry *next;
	struct issuer_keys *all;
	struct id issuer;
	char *url;
	jwk_algs algs;
	struct jwk_set *set;
	uint8_t digest[DIGEST_SIZE];	      /* of the body it was read from */
	int64_t fetched_ms, tried_ms, ttl_ms; /* monotonic; 0: never */
	bool wanted, fetching;
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
	pthread_mutex_t lock; /* guards the list and all but the fetch in its entries */
	struct entry *entries;
	/* where keys may be fetched, of the newest configuration; the loop's thread only */
	size_t networks_n;
	struct egress_net networks[NETWORKS_MAX];
};

/* ---- what checks ask; any thread ---- */

static struct entry *entry_find(struct issuer_keys *k, struct id issuer)
{
	struct entry *e = k->entries;

	while (e && !id_equal(e->issuer, issuer))
		e = e->next;
	return e;
}

static struct entry *entry_new(struct issuer_keys *k, const struct trust_issuer *issuer)
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
	e->algs = issuer->algs;
	e->next = k->entries;
	buf_init(&e->body, JWK_SET_BYTES_MAX);
	k->entries = e;
	return e;
}

static bool may_try(const struct entry *e)
{
	return e->fetching || e->wanted || !e->tried_ms ||
	       clock_ms() - e->tried_ms >= ISSUER_KEYS_AGAIN_MS;
}

struct jwk_set *issuer_keys_hold(struct issuer_keys *k, const struct trust_issuer *issuer)
{
	int64_t stale_ms = k->producer->config->identity.stale_s * 1000;
	struct jwk_set *set = NULL;
	bool wake = false;
	struct entry *e;

	(void)pthread_mutex_lock(&k->lock);
	e = entry_find(k, issuer->id);
	if (!e)
		e = entry_new(k, issuer);
	if (e && e->set) {
		int64_t age_ms = clock_ms() - e->fetched_ms;

		if (age_ms <= e->ttl_ms + stale_ms)
			set = jwk_set_hold(e->set);
		wake = age_ms > e->ttl_ms && !e->fetching && !e->wanted && may_try(e);
		e->wanted |= wake;
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
	e = entry_find(k, issuer);
	wake = e && may_try(e);
	if (wake)
		e->wanted |= !e->fetching;
	(void)pthread_mutex_unlock(&k->lock);
	if (wake)
		loop_wake_send(k->wake);
}

/* ---- a fetch; the loop's thread ---- */

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
	buf_clear(&e->body);
	buf_init(&e->body, JWK_SET_BYTES_MAX);
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
	e->call = NULL;
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
		entry_settle(e, NULL);
}

static struct entry *wanted_take(struct issuer_keys *k)
{
	struct entry *e;

	(void)pthread_mutex_lock(&k->lock);
	e = k->entries;
	while (e && !(e->wanted && !e->fetching))
		e = e->next;
	if (e) {
		e->wanted = false;
		e->fetching = true;
		e->tried_ms = clock_ms();
	}
	(void)pthread_mutex_unlock(&k->lock);
	return e;
}

static void on_wake(void *owner)
{
	struct issuer_keys *k = owner;
	struct entry *e;

	loop_work(k->producer->loop, WORK_issuers);
	while ((e = wanted_take(k)))
		fetch(e);
}

/* ---- life ---- */

enum err issuer_keys_new(struct producer *producer, struct issuer_keys **ret_keys)
{
	struct issuer_keys *k = calloc(1, sizeof *k);
	enum err e;

	if (!k)
		return ERR_NOMEM;
	k->producer = producer;
	(void)pthread_mutex_init(&k->lock, NULL);
	e = http_new(producer->loop, FETCHES_MAX, &k->http);
	if (!e)
		e = loop_wake_new(producer->loop, on_wake, k, &k->wake);
	if (e)
		issuer_keys_free(k);
	else
		*ret_keys = k;
	return e;
}

static void entry_free(struct entry *e)
{
	jwk_set_release(e->set);
	buf_clear(&e->body);
	free(e->url);
	free(e);
}

void issuer_keys_free(struct issuer_keys *k)
{
	if (!k)
		return;
	http_free(k->http);
	for (struct entry *e = k->entries, *next; e; e = next) {
		next = e->next;
		entry_free(e);
	}
	loop_wake_free(k->wake);
	(void)pthread_mutex_destroy(&k->lock);
	free(k);
}
