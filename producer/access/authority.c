#include "access/authority.h"

#include "access/signing.h"
#include "ground/clock.h"
#include "ground/log.h"
#include "loops.h"
#include "ports/loop.h"
#include "producer.h"
#include "stores/revocation.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 1000, SWEEP_MS = 60000 };

struct authority {
	struct producer *producer;
	struct loop_timer *timer;
	struct loop_wake *wake;
	struct record_item item; /* the one look under way */
	_Atomic bool looking;
	bool again;   /* the page was full */
	bool changed; /* keys and issuers are to be read */
	bool tried;   /* to make a first signing key, in this look */
	int64_t seq, began_ms, swept_ms, asked_us;
	struct db_origin origin; /* of the record that seq is of */
	struct trust *next;	 /* being read */
	struct signing making;	 /* the first key */
	_Atomic int64_t seen_ms; /* when the look began that succeeded last; 0: none did */
	_Atomic uint64_t generation;
	pthread_rwlock_t list_lock; /* guards list */
	struct revocations *list;
	pthread_mutex_t trust_lock; /* guards trust */
	struct trust *trust;
};

static struct authority *of(const struct record_batch *batch)
{
	return batch->items[0]->owner;
}

/* ---- what others ask ---- */

struct trust *authority_trust(struct authority *a)
{
	struct trust *t;

	(void)pthread_mutex_lock(&a->trust_lock);
	t = a->trust ? trust_hold(a->trust) : NULL;
	(void)pthread_mutex_unlock(&a->trust_lock);
	return t;
}

bool authority_is_ready(const struct authority *a)
{
	return a->seen_ms != 0;
}

int64_t authority_unasked_ms(const struct authority *a)
{
	return clock_ms() - a->seen_ms;
}

int64_t authority_away_ms(const struct authority *a)
{
	return a->producer->config->identity.away_s * 1000;
}

uint64_t authority_generation(const struct authority *a)
{
	return a->generation;
}

void authority_moved(struct authority *a)
{
	a->generation++;
}

struct revocation_facts authority_facts(const struct caller *c)
{
	struct revocation_facts facts = {.tenant = c->tenant,
		.principal = c->principal,
		.credentials = {c->credential, c->key, c->family},
		/* who locks others out must not lock itself out: an operator's key ends by its id
		 */
		.issued_ms = c->is_operator ? INT64_MAX : c->issued_ms};

	memcpy(facts.sources, c->sources, sizeof facts.sources);
	memcpy(facts.address, c->has_origin ? c->origin : c->address, sizeof facts.address);
	return facts;
}

static bool denies(struct authority *a, const struct caller *c)
{
	const struct revocation_facts facts = authority_facts(c);
	bool denied;

	(void)pthread_rwlock_rdlock(&a->list_lock);
	denied = revocations_deny(a->list, &facts);
	(void)pthread_rwlock_unlock(&a->list_lock);
	return denied;
}

bool authority_denies_somewhere(struct authority *a, const struct caller *c)
{
	const struct revocation_facts facts = authority_facts(c);
	bool denied;

	(void)pthread_rwlock_rdlock(&a->list_lock);
	denied = revocations_deny_somewhere(a->list, &facts);
	(void)pthread_rwlock_unlock(&a->list_lock);
	return denied;
}

/* Asked at each call, not only when its signature was checked: a key's end by the record's time may
 * still lie ahead by this process's, and what was checked is kept. */
static bool is_vouched(struct authority *a, const struct caller *c)
{
	struct trust *t;
	bool good;

	if (id_is_zero(c->signer) && id_is_zero(c->issuer))
		return true;
	t = authority_trust(a);
	good = t != NULL;
	if (good && !id_is_zero(c->signer))
		good = !trust_key_fell(t, c->signer, c->expires_ms, clock_record_ms());
	if (good && !id_is_zero(c->issuer))
		good = trust_has_issuer(t, c->issuer);
	trust_release(t);
	return good;
}

static enum err judge(struct authority *a, const struct caller *c, int64_t copy_ms)
{
	if (!a->seen_ms || authority_unasked_ms(a) > copy_ms)
		return ERR_UNAVAILABLE;
	return denies(a, c) || !is_vouched(a, c) ? ERR_UNAUTHORIZED : ERR_OK;
}

enum err authority_judge_open(struct authority *a, const struct caller *c)
{
	return judge(a, c, authority_away_ms(a));
}

enum err authority_judge(struct authority *a, const struct caller *c, int64_t copy_ms)
{
	if (c->expires_ms && c->expires_ms <= clock_record_ms())
		return ERR_UNAUTHORIZED;
	return judge(a, c, copy_ms);
}

/* No entry names an issuer, as that goes with its row: a dry run of that does. */
static bool hangs_on_issuer(const struct caller *c, const struct revocation *r)
{
	return r->kind == REVOCATION_CREDENTIAL && !id_is_zero(c->issuer) &&
	       id_equal(c->issuer, r->subject);
}

enum err authority_try(const struct caller *c, const struct revocation *r, bool *ret_denies)
{
	const struct revocation_facts facts = authority_facts(c);
	struct revocations *list;
	enum err e = revocations_new(&list);

	if (e)
		return e;
	e = revocations_add(list, r);
	if (!e)
		*ret_denies = revocations_deny(list, &facts) || hangs_on_issuer(c, r);
	revocations_free(list);
	return e;
}

static size_t most_of(const struct authority *a, enum revocation_share share)
{
	return share == REVOCATION_STANDING
		       ? AUTHORITY_STANDING_MAX
		       : (size_t)a->producer->config->identity.tenant_revocations;
}

enum err authority_room(struct authority *a, enum revocation_share share, struct id of)
{
	size_t all, own;

	(void)pthread_rwlock_rdlock(&a->list_lock);
	all = revocations_n(a->list);
	own = share == REVOCATION_UNCOUNTED ? 0 : revocations_of(a->list, share, of);
	(void)pthread_rwlock_unlock(&a->list_lock);
	if (share != REVOCATION_UNCOUNTED && own >= most_of(a, share))
		return ERR_REVOCATIONS_FULL;
	return all < AUTHORITY_REVOCATIONS_MAX ? ERR_OK : ERR_UNAVAILABLE;
}

const char *authority_full_why(enum revocation_share share)
{
	static const char *const why[REVOCATION_SHARES] = {
		[REVOCATION_TOKENS] =
			"this tenant has as many revoked tokens on the list as it may: revoke the "
			"user, the tenant or a network instead, ask an operator, or wait: each is "
			"off the list within two days",
		[REVOCATION_KEYS] =
			"this tenant has ended as many API keys within two days as the list holds "
			"of it: revoke whom the key acts as (its id will do as the user's), "
			"which ends all that was given before, or ask an operator",
		[REVOCATION_STANDING] =
			"this tenant has as many revoked users and networks on the list as it may, "
			"those taken back within two days too: take back what is needed no longer, "
			"revoke the whole tenant, or ask an operator",
	};

	return share == REVOCATION_UNCOUNTED ? NULL : why[share];
}

/* ---- reading ---- */

static enum err page_add(struct authority *a, const struct revocation_page *page)
{
	enum err e = ERR_OK;

	(void)pthread_rwlock_wrlock(&a->list_lock);
	for (size_t i = 0; !e && i < page->n; i++)
		e = revocations_add(a->list, &page->list[i]);
	(void)pthread_rwlock_unlock(&a->list_lock);
	return e;
}

/* Numbers without a revocation of theirs are changes of keys or issuers, or of an entry that moved
 * twice. */
static void page_take(struct authority *a, const struct revocation_page *page)
{
	const int64_t moved = page->seq - a->seq;

	a->changed |= moved > (int64_t)page->n;
	a->again = page->more;
	a->seq = page->seq;
	if (moved)
		a->generation++;
}

static void since_told(void *ctx, enum err e, const struct revocation_page *page)
{
	struct record_batch *batch = ctx;

	if (!e)
		e = page_add(of(batch), page);
	if (!e) {
		clock_sync(page->now_ms, of(batch)->asked_us);
		page_take(of(batch), page);
	}
	record_batch_end(batch, e);
}

/* In another history of the record the same numbers may be of other changes: all are read again. An
 * entry that is lost there shuts out here until this process ends. */
static enum err since_run(struct db *db, struct record_batch *batch)
{
	struct authority *a = of(batch);

	if (db_origin_moved(db, &a->origin)) {
		a->seq = 0;
		a->changed = true;
	}
	a->asked_us = clock_us();
	return revocation_since(db, a->seq, since_told, batch);
}

static void issuers_told(void *ctx, enum err e, const struct issuer *issuers, size_t n)
{
	struct record_batch *batch = ctx;
	struct authority *a = of(batch);

	if (!e)
		e = trust_new(n, &a->next);
	for (size_t i = 0; !e && i < n; i++) {
		e = trust_add_issuer(a->next, a->producer->keyring, &issuers[i]);
		if (e && e != ERR_NOMEM) {
			log_warn("an issuer cannot be read", LOG_ID("issuer", "iss", issuers[i].id),
				LOG_END);
			e = ERR_OK;
		}
	}
	record_batch_end(batch, e);
}

static enum err issuers_run(struct db *db, struct record_batch *batch)
{
	return issuer_list_all(db, issuers_told, batch);
}

static void keys_told(void *ctx, enum err e, const struct signing_key *keys, size_t n)
{
	struct record_batch *batch = ctx;
	struct authority *a = of(batch);

	for (size_t i = 0; !e && i < n; i++) {
		e = trust_add_key(a->next, a->producer->keyring, &keys[i]);
		if (e && e != ERR_NOMEM) {
			log_warn("a signing key cannot be read",
				LOG_ID("key", TOKEN_KID, keys[i].id), LOG_END);
			e = ERR_OK;
		}
	}
	record_batch_end(batch, e);
}

static enum err keys_run(struct db *db, struct record_batch *batch)
{
	return signing_key_list(db, keys_told, batch);
}

static void first_told(void *ctx, enum err e, const struct signing_key *keys, size_t n)
{
	struct record_batch *batch = ctx;

	if (!e && n)
		log_info("made the first signing key", LOG_ID("key", TOKEN_KID, keys[0].id),
			LOG_END);
	record_batch_end(batch, e);
}

static enum err first_store(
	struct db *db, const struct signing_key *key, struct record_batch *batch)
{
	return signing_key_first(db, key, first_told, batch);
}

static enum err first_run(struct db *db, struct record_batch *batch)
{
	struct authority *a = of(batch);

	a->making.ring = a->producer->keyring;
	a->making.store = first_store;
	return signing_make(&a->making, db, batch);
}

const struct record_op authority_since_op = {"access_since", RECORD_READS, 1, since_run, NULL};
const struct record_op authority_issuers_op = {"issuers", RECORD_READS, 1, issuers_run, NULL};
const struct record_op authority_keys_op = {"signing_keys", RECORD_READS, 1, keys_run, NULL};
const struct record_op authority_first_op = {
	"signing_key_first", RECORD_SECURITY, 1, first_run, NULL};

/* ---- a look: the sequence, then if it moved issuers and keys ---- */

static void publish(struct authority *a)
{
	struct trust *old;

	(void)pthread_mutex_lock(&a->trust_lock);
	old = a->trust;
	a->trust = a->next;
	(void)pthread_mutex_unlock(&a->trust_lock);
	a->next = NULL;
	a->changed = false;
	a->generation++;
	trust_release(old);
}

static void look_end(struct authority *a, enum err e)
{
	trust_release(a->next);
	a->next = NULL;
	if (!e && !a->again)
		a->seen_ms = a->began_ms;
	a->looking = false;
	if (!e && a->again)
		loop_wake_send(a->wake);
}

static void step_done(struct record_item *item, enum err e);

static void step(struct authority *a, const struct record_op *op)
{
	enum err e;

	a->item.op = op;
	a->item.done = step_done;
	a->item.owner = a;
	e = record_add(a->producer->record, &a->item);
	if (e)
		look_end(a, e);
}

static bool has_live_key(const struct trust *t)
{
	for (size_t i = 0; i < t->keys_n; i++)
		if (!t->keys[i].ends_ms || t->keys[i].ends_ms > clock_record_ms())
			return true;
	return false;
}

/* The next step of the look, or NULL when it is over. */
static const struct record_op *step_after(struct authority *a, const struct record_op *op)
{
	if (op == &authority_since_op)
		return a->changed || !a->trust ? &authority_issuers_op : NULL;
	if (op == &authority_issuers_op)
		return &authority_keys_op;
	if (op == &authority_keys_op)
		return a->tried || has_live_key(a->next) ? NULL : &authority_first_op;
	return &authority_issuers_op;
}

static void step_done(struct record_item *item, enum err e)
{
	struct authority *a = item->owner;
	const struct record_op *next = e ? NULL : step_after(a, item->op);

	if (next == &authority_first_op) {
		a->tried = true;
		trust_release(a->next);
		a->next = NULL;
	}
	if (next) {
		step(a, next);
		return;
	}
	if (!e && item->op == &authority_keys_op)
		publish(a);
	look_end(a, e);
}

/* Nothing goes while the record does not answer: what is known of keys may be as old as that then,
 * and an ended one's entry is all that says so. */
static void sweep(struct authority *a)
{
	if (clock_ms() - a->swept_ms < SWEEP_MS || authority_unasked_ms(a) > SWEEP_MS)
		return;
	a->swept_ms = clock_ms();
	(void)pthread_rwlock_wrlock(&a->list_lock);
	revocations_sweep(a->list, clock_record_ms());
	(void)pthread_rwlock_unlock(&a->list_lock);
}

static void look(void *owner)
{
	struct authority *a = owner;

	loop_work(a->producer->loop, WORK_authority);
	loop_timer_start(a->timer, LOOK_MS);
	if (atomic_exchange(&a->looking, true))
		return;
	sweep(a);
	a->tried = false;
	a->began_ms = clock_ms();
	step(a, &authority_since_op);
}

void authority_look(struct authority *a)
{
	loop_wake_send(a->wake);
}

/* ---- life ---- */

enum err authority_new(struct producer *producer, struct authority **ret_authority)
{
	struct authority *a = calloc(1, sizeof *a);
	enum err e;

	if (!a)
		return ERR_NOMEM;
	a->producer = producer;
	(void)pthread_rwlock_init(&a->list_lock, NULL);
	(void)pthread_mutex_init(&a->trust_lock, NULL);
	e = revocations_new(&a->list);
	if (!e)
		e = loop_timer_new(producer->loop, look, a, &a->timer);
	if (!e)
		e = loop_wake_new(producer->loop, look, a, &a->wake);
	if (e)
		authority_free(a);
	else
		*ret_authority = a;
	return e;
}

enum err authority_start(struct authority *a)
{
	loop_timer_start(a->timer, 0);
	return ERR_OK;
}

void authority_free(struct authority *a)
{
	if (!a)
		return;
	loop_timer_free(a->timer);
	loop_wake_free(a->wake);
	trust_release(a->trust);
	trust_release(a->next);
	revocations_free(a->list);
	(void)pthread_rwlock_destroy(&a->list_lock);
	(void)pthread_mutex_destroy(&a->trust_lock);
	free(a);
}
