#include "access/holders.h"

#include "access/keys.h"
#include "ground/clock.h"
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
	struct access_changed seen[SEEN]; /* told again while an old transaction lasts */
	size_t seen_next;
};

/* ---- what is kept ---- */

static struct entry **entry_place(struct holders *h, struct id tenant, struct id principal)
{
	size_t hash = (size_t)principal.bytes[14] << 8 | principal.bytes[15];
	struct entry **at = &h->buckets[hash % BUCKETS];

	while (*at && !(id_equal((*at)->principal, principal) && id_equal((*at)->tenant, tenant)))
		at = &(*at)->next;
	return at;
}

static void entry_drop(struct holders *h, struct entry **at)
{
	struct entry *e = *at;

	*at = e->next;
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
	struct entry *e;

	if (now - h->read_ms > vouched_ms)
		return NULL;
	(void)pthread_mutex_lock(&h->lock);
	e = *entry_place(h, caller->tenant, caller->principal);
	if (e && now - e->loaded_ms < HOLDERS_TTL_MS &&
		(!e->outdated || vouched_ms == KEYS_AWAY_TTL_MS))
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
		at = entry_place(h, caller->tenant, caller->principal);
		if (*at)
			entry_drop(h, at);
		e = calloc(1, sizeof *e);
		if (e) {
			*e = (struct entry){.next = *at,
				.tenant = caller->tenant,
				.principal = caller->principal,
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
	struct request *r;
	uint64_t since;
	struct rights *rights;
};

static void loaded(void *ctx, enum err e, const struct access_told *told)
{
	struct record_batch *batch = ctx;
	struct look *look = (struct look *)(void *)batch->items[0];

	if (!e) {
		e = rights_flatten(
			told->book, told->roles, told->welcome ? told->roles_n : 0, &look->rights);
		role_book_free(told->book);
	}
	record_batch_end(batch, e);
}

static enum err look_run(struct db *db, struct record_batch *batch)
{
	const struct look *look = (struct look *)(void *)batch->items[0];
	const struct caller *caller = &look->r->caller;

	return access_load(db, caller->tenant, caller->principal, loaded, batch);
}

const struct record_op holders_look_op = {"holder", RECORD_READS, 1, look_run, NULL};

static void look_done(struct record_item *item, enum err e)
{
	struct look *look = (struct look *)(void *)item;
	struct request *r = look->r;

	r->access_err = e;
	if (!e) {
		rights_release(r->caller.rights);
		r->caller.rights = look->rights;
		keep(look->holders, &r->caller, look->since);
	}
	free(look);
	request_resume(r);
}

static uint64_t changes_now(struct holders *h)
{
	uint64_t changes;

	(void)pthread_mutex_lock(&h->lock);
	changes = h->changes;
	(void)pthread_mutex_unlock(&h->lock);
	return changes;
}

enum err holders_look(struct holders *h, struct request *r)
{
	struct look *look = calloc(1, sizeof *look);
	enum err e;

	if (!look)
		return ERR_NOMEM;
	look->holders = h;
	look->r = r;
	look->since = changes_now(h);
	look->item.op = &holders_look_op;
	look->item.done = look_done;
	request_park(r);
	e = record_add(h->producer->record, &look->item);
	if (e)
		look_done(&look->item, e);
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

static enum err poll_run(struct db *db, struct record_batch *batch)
{
	const struct holders *h = batch->items[0]->owner;

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
