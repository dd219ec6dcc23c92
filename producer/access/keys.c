#include "access/keys.h"

#include "access/known.h"
#include "access/tenant_facts.h"
#include "access/token_check.h"
#include "access/unproved.h"
#include "ground/apikey.h"
#include "ground/clock.h"
#include "producer.h"
#include "record_call.h"
#include "stores/api_key.h"
#include "stores/tenant.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TOUCH_MS = 60000, BATCH_MAX = 64 };

struct keys {
	struct producer *producer;
	struct known *known;
};

/* One look-up in the record. r is NULL when nobody waits. */
struct look {
	struct record_item item; /* first */
	struct keys *keys;
	struct request *r;
	void (*told)(struct request *r);
	uint8_t hash[DIGEST_SIZE];
	struct caller caller;
	uint64_t generation;
	int64_t last_used_ms;
};

struct touch {
	struct record_item item; /* first */
	struct id key;
};

/* A record that hangs is not told to be away at once. */
static bool record_answers(const struct producer *p)
{
	return record_is_up(p->record, RECORD_READS) &&
	       authority_unasked_ms(p->authority) <= KEYS_TTL_MS;
}

int64_t keys_vouched_ms(const struct request *r)
{
	const struct route *route = r->match.route;
	const struct authority *authority = r->producer->authority;

	if (strcmp(route->method, "GET") != 0 || record_answers(r->producer))
		return KEYS_TTL_MS;
	return route->object == ROUTE_PROCESS ? authority_unasked_ms(authority) + KEYS_WATCHER_MS
					      : authority_away_ms(authority);
}

void keys_forget(struct keys *k)
{
	known_forget(k->known);
}

/* ---- operations ---- */

static void found(void *ctx, enum err e, const struct api_key *keys, size_t n)
{
	struct record_batch *batch = ctx;
	struct look *look = (struct look *)(void *)batch->items[0];

	if (!e && n) {
		look->caller.credential = keys->id;
		look->caller.is_user = !id_is_zero(keys->user);
		look->caller.principal = look->caller.is_user ? keys->user : keys->principal;
		look->caller.person = keys->person;
		look->caller.tenant = keys->tenant;
		look->caller.is_operator = keys->operator;
		look->caller.issued_ms = keys->created_ms;
		look->caller.expires_ms = keys->expires_ms;
		look->last_used_ms = keys->last_used_ms;
		if (keys->has_scopes)
			e = caller_narrow(&look->caller, keys->scopes);
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
				look->item.outcome = tenant_facts_read(&tenants[k],
					look->keys->producer->keyring, &look->caller.facts);
	}
	record_batch_end(batch, e);
}

static enum err tenant_run(struct db *db, struct record_batch *batch)
{
	struct id ids[BATCH_MAX];

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
	struct id ids[BATCH_MAX];

	for (size_t i = 0; i < batch->n; i++)
		ids[i] = ((struct touch *)(void *)batch->items[i])->key;
	return api_key_touch(db, ids, batch->n, touched, batch);
}

const struct record_op keys_find_op = {"key_find", RECORD_READS, 1, find_run, NULL};
const struct record_op keys_tenant_op = {"key_tenant", RECORD_READS, BATCH_MAX, tenant_run, NULL};
const struct record_op keys_touch_op = {"key_touch", RECORD_SLOW, BATCH_MAX, touch_run, NULL};

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

static bool wants_touch(const struct look *look)
{
	return look->caller.kind == CALLER_KEY && !id_is_zero(look->caller.principal) &&
	       clock_record_ms() - look->last_used_ms > TOUCH_MS;
}

static void address_take(struct request *r)
{
	memcpy(r->caller.address, r->address, sizeof r->caller.address);
}

static void look_end(struct look *look, enum err e)
{
	struct request *r = look->r;
	void (*told)(struct request * r) = look->told;

	if (!e)
		known_put(look->keys->known, look->hash, look->generation, &look->caller);
	if (!e && wants_touch(look))
		touch_send(look->keys, look->caller.credential);
	if (r) {
		r->access_err = e;
		caller_clear(&r->caller);
		caller_copy(&r->caller, &look->caller);
		address_take(r);
	}
	caller_clear(&look->caller);
	free(look);
	if (r)
		told(r);
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

static enum err look_start(struct look *look)
{
	struct request *r = look->r;
	enum err e;

	if (r && look->told == request_resume)
		request_park(r);
	e = r ? record_add_for(r, &look->item)
	      : record_add(look->keys->producer->record, &look->item);
	if (e && r) {
		look_end(look, e);
		return ERR_OK;
	}
	if (e) {
		caller_clear(&look->caller);
		free(look);
	}
	return e;
}

/* Asks the record for a key; r NULL: in the background. */
static enum err look_key(struct keys *k, const uint8_t hash[DIGEST_SIZE], struct request *r,
	void (*told)(struct request *r))
{
	struct look *look = calloc(1, sizeof *look);

	if (!look)
		return ERR_NOMEM;
	look->keys = k;
	look->r = r;
	look->told = told;
	memcpy(look->hash, hash, DIGEST_SIZE);
	look->item.op = &keys_find_op;
	look->item.done = find_done;
	return look_start(look);
}

/* Asks for the facts of a token's tenant; takes the caller. */
static enum err look_token(struct keys *k, const uint8_t hash[DIGEST_SIZE], struct caller *caller,
	uint64_t generation, struct request *r)
{
	struct look *look = calloc(1, sizeof *look);

	if (!look) {
		caller_clear(caller);
		return ERR_NOMEM;
	}
	look->keys = k;
	look->r = r;
	look->told = request_resume;
	look->caller = *caller;
	look->generation = generation;
	memcpy(look->hash, hash, DIGEST_SIZE);
	look->item.op = &keys_tenant_op;
	look->item.done = facts_done;
	return look_start(look);
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

/* why is told with a 401 and a 403. */
static enum err refuse(struct request *r, enum err e, const char *why)
{
	if (e == ERR_UNAUTHORIZED)
		request_unauthorized(r, why);
	else if (e == ERR_FORBIDDEN)
		request_fail_detail(r, e, why);
	else
		request_fail(r, e);
	return e;
}

/* Reading outlives a record that is away for a while, metrics for as long as it is; changes do not.
 */
static int64_t copy_ms(const struct request *r)
{
	const int64_t away_ms = authority_away_ms(r->producer->authority);
	const int64_t vouched_ms = keys_vouched_ms(r);

	if (strcmp(r->match.route->method, "GET") != 0)
		return AUTHORITY_CHANGE_MS;
	return vouched_ms > away_ms ? vouched_ms : away_ms;
}

/* NULL: nothing is known of it. */
static const char *why_not(const struct caller *c)
{
	if (id_is_zero(c->principal))
		return NULL;
	if (c->expires_ms && c->expires_ms <= clock_record_ms())
		return fault_text(FAULT_EXPIRED);
	return fault_text(FAULT_REVOKED);
}

static enum err judge(struct request *r)
{
	bool operators = r->match.route->access == ROUTE_OPERATOR;
	enum err e = ERR_OK;

	address_take(r);
	if (r->access_err)
		e = r->access_err;
	else if (id_is_zero(r->caller.principal))
		e = ERR_UNAUTHORIZED;
	else
		e = authority_judge(r->producer->authority, &r->caller, copy_ms(r));
	if (e)
		return refuse(r, e, why_not(&r->caller));
	if (r->caller.is_operator == operators)
		return ERR_OK;
	return refuse(r, ERR_FORBIDDEN,
		operators ? "this address is for operators' keys"
			  : "an operator's key opens the operators' address alone");
}

/* ---- API keys ---- */

static enum err check_key(struct request *r, const char *text, size_t len, bool *ret_parked)
{
	struct keys *k = r->producer->keys;
	uint8_t hash[DIGEST_SIZE];
	enum known_answer known = KNOWN_NOT;

	/* what the cache knows was spelt right once; only others are worth the second digest */
	if (len == APIKEY_LEN) {
		apikey_hash(text, len, hash);
		known = known_get(k->known, hash, (struct known_age){.most_ms = keys_vouched_ms(r)},
			&r->caller);
	}
	if (known == KNOWN_RENEW)
		(void)look_key(k, hash, NULL, NULL);
	if (known != KNOWN_NOT)
		return judge(r);
	if (!apikey_spelt(text, len))
		return refuse(r, ERR_UNAUTHORIZED, NULL);
	r->access_asked = true;
	if (look_key(k, hash, r, request_resume))
		return refuse(r, ERR_NOMEM, NULL);
	*ret_parked = true;
	return ERR_OK;
}

/* ---- tokens ---- */

static enum err check_token_anew(struct request *r, const char *text, size_t len,
	const uint8_t hash[DIGEST_SIZE], bool *ret_parked)
{
	struct keys *k = r->producer->keys;
	/* before the check: what moves meanwhile makes it an old one */
	const uint64_t generation = authority_generation(r->producer->authority);
	struct unproved *unproved = r->producer->unproved;
	struct caller caller;
	struct id issuer;
	enum fault fault = FAULT_UNPROVED;

	if (!unproved_begin(unproved, r)) {
		fault = token_check(r->producer, text, len, &caller, &issuer);
		*ret_parked = fault == FAULT_UNPROVED &&
			      unproved_wait(unproved, r, issuer, true, request_resume);
	}
	if (*ret_parked)
		return ERR_OK;
	if (fault)
		return refuse(r, fault == FAULT_NOMEM ? ERR_UNAVAILABLE : ERR_UNAUTHORIZED,
			fault_text(fault));
	r->access_asked = true;
	if (look_token(k, hash, &caller, generation, r))
		return refuse(r, ERR_NOMEM, NULL);
	*ret_parked = true;
	return ERR_OK;
}

static enum err check_token(struct request *r, const char *text, size_t len, bool *ret_parked)
{
	struct keys *k = r->producer->keys;
	const struct known_age age = {
		keys_vouched_ms(r), authority_generation(r->producer->authority)};
	uint8_t hash[DIGEST_SIZE];
	struct caller again = {0};
	enum known_answer known;

	if (len > JWS_BYTES_MAX)
		return refuse(r, ERR_UNAUTHORIZED, fault_text(FAULT_MALFORMED));
	digest_sha256(text, len, hash);
	known = known_get(k->known, hash, age, &r->caller);
	if (known == KNOWN_NOT)
		return check_token_anew(r, text, len, hash, ret_parked);
	if (known == KNOWN_RENEW) {
		caller_copy(&again, &r->caller);
		tenant_facts_release(again.facts);
		again.facts = NULL;
		(void)look_token(k, hash, &again, age.generation, NULL);
	}
	return judge(r);
}

/* ---- either ---- */

void keys_find(struct request *r, const char *text, size_t len, void (*told)(struct request *r))
{
	struct keys *k = r->producer->keys;
	uint8_t hash[DIGEST_SIZE];
	enum err e;

	r->access_err = ERR_OK;
	if (!apikey_spelt(text, len)) {
		told(r);
		return;
	}
	apikey_hash(text, len, hash);
	if (known_get(k->known, hash, (struct known_age){.most_ms = KEYS_TTL_MS}, &r->caller) !=
		KNOWN_NOT) {
		address_take(r);
		told(r);
		return;
	}
	e = look_key(k, hash, r, told);
	if (e) {
		r->access_err = e;
		told(r);
	}
}

enum err keys_check(struct request *r, bool *ret_parked)
{
	size_t len = 0;
	const char *text = bearer(r->authorization, &len);

	if (r->access_asked)
		return judge(r);
	if (!text)
		return refuse(r, ERR_UNAUTHORIZED, NULL);
	return memchr(text, '.', len) ? check_token(r, text, len, ret_parked)
				      : check_key(r, text, len, ret_parked);
}

enum err keys_new(struct producer *producer, struct keys **ret_keys)
{
	struct keys *k = calloc(1, sizeof *k);
	enum err e = k ? known_new(&k->known) : ERR_NOMEM;

	if (e) {
		free(k);
		return e;
	}
	k->producer = producer;
	*ret_keys = k;
	return ERR_OK;
}

void keys_free(struct keys *k)
{
	if (!k)
		return;
	known_free(k->known);
	free(k);
}
