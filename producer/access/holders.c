#include "access/holders.h"

#include "access/keys.h"
#include "ground/clock.h"
#include "loops.h"
#include "ports/loop.h"
#include "producer.h"
#include "stores/access.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096, SEEN = 256 };

struct entry {
	struct entry *next;
	struct id tenant, principal;
	struct caller_words *words; /* roles that came with the credential are part of the name */
	struct rights *rights;
	int64_t loaded_ms;
	bool outdated; /* its tenant changed since; counts no more while the record can be asked */
};

struct holders {
	struct producer *producer;
	pthread_mutex_t lock;
	struct entry *buckets[BUCKETS];
	size_t n;
	uint64_t changes; /* read, in all: a look-up that spans one is not kept */
	_Atomic int64_t read_ms;
	struct loop_timer *timer;
	struct record_item item; /* the one reading under way */
	_Atomic bool reading;
	int64_t mark;
	struct db_origin origin;	  /* of the record that mark is of */
	struct access_changed seen[SEEN]; /* told again while an old transaction lasts */
	size_t seen_next;
};

/* ---- what is kept ---- */

static bool is_of(const struct entry *e, const struct caller *caller)
{
	return id_equal(e->principal, caller->principal) && id_equal(e->tenant, caller->tenant) &&
	       caller_words_same_roles(e->words, caller->words);
}

static struct entry **entry_place(struct holders *h, const struct caller *caller)
{
	size_t hash = (size_t)caller->principal.bytes[14] << 8 | caller->principal.bytes[15];
	struct entry **at = &h->buckets[hash % BUCKETS];

	while (*at && !is_of(*at, caller))
		at = &(*at)->next;
	return at;
}

static void entry_drop(struct holders *h, struct entry **at)
{
	struct entry *e = *at;

	*at = e->next;
	caller_words_release(e->words);
	rights_release(e->rights);
	free(e);
	h->n--;
}

static void empty(struct holders *h)
{
	for (size_t i = 0; i < BUCKETS; i++)
		while (h->buckets[i])
			entry_drop(h, &h->buckets[i]);
}

/* NULL: everybody's. */
static void outdate(struct holders *h, const struct id *tenant)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct entry *e = h->buckets[i]; e; e = e->next)
			e->outdated |= !tenant || id_equal(e->tenant, *tenant);
	h->changes++;
}

void holders_forget(struct holders *h, struct id tenant)
{
	(void)pthread_mutex_lock(&h->lock);
	outdate(h, &tenant);
	(void)pthread_mutex_unlock(&h->lock);
}

struct rights *holders_find(struct holders *h, const struct caller *caller, int64_t vouched_ms)
{
	struct rights *rights = NULL;
	int64_t now = clock_ms();
	int64_t kept_ms = vouched_ms > HOLDERS_TTL_MS ? vouched_ms : HOLDERS_TTL_MS;
	struct entry *e;

	if (now - h->read_ms > vouched_ms)
		return NULL;
	(void)pthread_mutex_lock(&h->lock);
	e = *entry_place(h, caller);
	if (e && now - e->loaded_ms < kept_ms && (!e->outdated || vouched_ms > KEYS_TTL_MS))
		rights = rights_hold(e->rights);
	(void)pthread_mutex_unlock(&h->lock);
	return rights;
}

static void keep(struct holders *h, const struct caller *caller, uint64_t since)
{
	struct entry **at, *e;

	(void)pthread_mutex_lock(&h->lock);
	if (h->n >= HOLDERS_MAX)
		empty(h);
	if (h->changes == since) {
		at = entry_place(h, caller);
		if (*at)
			entry_drop(h, at);
		e = calloc(1, sizeof *e);
		if (e) {
			*e = (struct entry){.next = *at,
				.tenant = caller->tenant,
				.principal = caller->principal,
				.words = caller->words ? caller_words_hold(caller->words) : NULL,
				.rights = rights_hold(caller->rights),
				.loaded_ms = clock_ms()};
			*at = e;
			h->n++;
		}
	}
	(void)pthread_mutex_unlock(&h->lock);
}

/* ---- a look-up ---- */

struct look {
	struct record_item item; /* first */
	struct holders *holders;
	struct caller *caller;
	holders_told_fn *told;
	void *owner;
	uint64_t since;
	struct rights *rights;
};

/* Once, however many say it: limits of requests are counted by it. */
static size_t role_put(const char **roles, size_t n, const char *role)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(roles[i], role) == 0)
			return n;
	roles[n] = role;
	return n + 1;
}

/* A role that a credential says, if somebody of a tenant could hold it. ERR_NOMEM */
static enum err said_put(
	const struct role_book *book, const char *role, const char **roles, size_t *n)
{
	struct rights *rights;
	enum err e = rights_flatten(book, &role, 1, &rights);

	if (e)
		return e;
	if (!rights_are_operators(rights))
		*n = role_put(roles, *n, role);
	rights_release(rights);
	return ERR_OK;
}

/* What the record knows, and what the credential says beside it. */
static enum err flatten(const struct access_told *told, const struct caller_words *words,
	struct rights **ret_rights)
{
	const char *roles[CALLER_ROLES_MAX];
	enum err e = ERR_OK;
	size_t n = 0;

	for (size_t i = 0; told->welcome && i < told->roles_n; i++)
		n = role_put(roles, n, told->roles[i]);
	for (size_t i = 0; words && (told->welcome || !told->known) && !e && i < words->roles_n;
		i++)
		e = said_put(told->book, words->roles[i], roles, &n);
	return e ? e : rights_flatten(told->book, roles, n, ret_rights);
}

static void loaded(void *ctx, enum err e, const struct access_told *told)
{
	struct record_batch *batch = ctx;
	struct look *look = (struct look *)(void *)batch->items[0];

	if (!e) {
		e = flatten(told, look->caller->words, &look->rights);
		role_book_free(told->book);
	}
	record_batch_end(batch, e);
}

static enum err look_run(struct db *db, struct record_batch *batch)
{
	const struct look *look = (struct look *)(void *)batch->items[0];

	return access_load(db, look->caller->tenant, look->caller->principal, loaded, batch);
}

const struct record_op holders_look_op = {"holder", RECORD_READS, 1, look_run, NULL};

static void look_done(struct record_item *item, enum err e)
{
	struct look *look = (struct look *)(void *)item;

	if (!e) {
		rights_release(look->caller->rights);
		look->caller->rights = look->rights;
		keep(look->holders, look->caller, look->since);
	} else {
		rights_release(look->rights);
	}
	look->told(look->owner, e);
	free(look);
}

static uint64_t changes_now(struct holders *h)
{
	uint64_t changes;

	(void)pthread_mutex_lock(&h->lock);
	changes = h->changes;
	(void)pthread_mutex_unlock(&h->lock);
	return changes;
}

static struct look *look_new(
	struct holders *h, struct caller *caller, holders_told_fn *told, void *owner)
{
	struct look *look = calloc(1, sizeof *look);

	if (!look)
		return NULL;
	look->holders = h;
	look->caller = caller;
	look->told = told;
	look->owner = owner;
	look->since = changes_now(h);
	look->item.op = &holders_look_op;
	look->item.done = look_done;
	if (!caller->is_operator)
		look->item.whose = caller->tenant;
	return look;
}

static void look_start(struct look *look)
{
	enum err e = record_add(look->holders->producer->record, &look->item);

	if (e)
		look_done(&look->item, e);
}

enum err holders_ask(struct holders *h, struct caller *caller, holders_told_fn *told, void *owner)
{
	struct look *look = look_new(h, caller, told, owner);

	if (!look)
		return ERR_NOMEM;
	look_start(look);
	return ERR_OK;
}

static void request_told(void *owner, enum err e)
{
	struct request *r = owner;

	r->access_err = e;
	request_resume(r);
}

enum err holders_look(struct holders *h, struct request *r)
{
	struct look *look = look_new(h, &r->caller, request_told, r);

	if (!look)
		return ERR_NOMEM;
	request_park(r);
	look_start(look);
	return ERR_OK;
}

/* ---- changes ---- */

static bool was_seen(struct holders *h, const struct access_changed *changed)
{
	for (size_t i = 0; i < SEEN; i++)
		if (h->seen[i].version == changed->version &&
			id_equal(h->seen[i].tenant, changed->tenant))
			return true;
	h->seen[h->seen_next++ % SEEN] = *changed;
	return false;
}

static void changes_take(struct holders *h, const struct access_changed *changed, size_t n)
{
	(void)pthread_mutex_lock(&h->lock);
	if (n == ACCESS_CHANGED_MAX)
		outdate(h, NULL);
	for (size_t i = 0; n < ACCESS_CHANGED_MAX && i < n; i++)
		if (!was_seen(h, &changed[i]))
			outdate(h, &changed[i].tenant);
	(void)pthread_mutex_unlock(&h->lock);
}

static void changes_told(
	void *ctx, enum err e, const struct access_changed *changed, size_t n, int64_t mark)
{
	struct record_batch *batch = ctx;
	struct holders *h = batch->items[0]->owner;

	if (!e) {
		if (h->mark == ACCESS_FROM_NOW)
			n = ACCESS_CHANGED_MAX; /* what came before is not known to have changed */
		changes_take(h, changed, n);
		h->mark = mark;
	}
	record_batch_end(batch, e);
}

/* Marks and versions are those of one history of the record. */
static enum err poll_run(struct db *db, struct record_batch *batch)
{
	struct holders *h = batch->items[0]->owner;

	if (db_origin_moved(db, &h->origin)) {
		h->mark = ACCESS_FROM_NOW;
		memset(h->seen, 0, sizeof h->seen);
	}
	return access_changed_since(db, h->mark, changes_told, batch);
}

const struct record_op holders_poll_op = {"access_changes", RECORD_READS, 1, poll_run, NULL};

static void poll_done(struct record_item *item, enum err e)
{
	struct holders *h = item->owner;

	if (!e)
		h->read_ms = item->since_ms;
	h->reading = false;
}

static void tick(void *owner)
{
	struct holders *h = owner;

	loop_work(h->producer->loop, WORK_holders);
	loop_timer_start(h->timer, HOLDERS_LOOK_MS);
	if (h->reading)
		return;
	h->reading = true;
	h->item.op = &holders_poll_op;
	h->item.done = poll_done;
	h->item.owner = h;
	if (record_add(h->producer->record, &h->item))
		h->reading = false;
}

enum err holders_new(struct producer *producer, struct holders **ret_holders)
{
	struct holders *h = calloc(1, sizeof *h);

	if (!h)
		return ERR_NOMEM;
	h->producer = producer;
	h->mark = ACCESS_FROM_NOW;
	h->read_ms = INT64_MIN / 2;
	(void)pthread_mutex_init(&h->lock, NULL);
	*ret_holders = h;
	return ERR_OK;
}

enum err holders_start(struct holders *h)
{
	enum err e = loop_timer_new(h->producer->loop, tick, h, &h->timer);

	if (!e)
		loop_timer_start(h->timer, 1);
	return e;
}

void holders_free(struct holders *h)
{
	if (!h)
		return;
	loop_timer_free(h->timer);
	empty(h);
	(void)pthread_mutex_destroy(&h->lock);
	free(h);
}
