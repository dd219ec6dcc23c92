#include "keys.h"

#include "config/config.h"
#include "connect/keys.h"
#include "ground/clock.h"
#include "ground/log.h"
#include "stores/key_epoch.h"
#include "stores/subject_key.h"

#include <stdlib.h>
#include <string.h>

/* Every process has heard of an epoch, or is not live; and between two walks that find nothing. */
enum { HEARD_MS = 3 * KEY_REPORT_EVERY_MS, REST_MS = 3600000 };

struct scheduler_keys {
	struct keyring *ring;
	struct key_holder self;
	struct keys_told told;
	int64_t report_ms; /* when the next is due */
	/* the walk through all data keys */
	int32_t epoch;		  /* the active one, as this walk knows it */
	int64_t since_ms;	  /* since when */
	int64_t began_ms;	  /* this walk */
	int64_t rests_ms;	  /* until then, as the last whole walk found none to wrap */
	size_t wrapped;		  /* by this walk */
	struct subject_key after; /* where it is */
};

/* ---- the report ---- */

struct report_ask {
	struct ask ask;
	struct key_state state;
};

static void on_report(void *ctx, enum err e, const struct key_state *state)
{
	struct report_ask *ask = ctx;

	ask->ask.err = e;
	ask->state = *state;
}

enum err scheduler_keys_turn(struct leader *leader)
{
	struct scheduler_keys *k = leader->keys;
	struct report_ask ask = {0};
	enum err e;

	if (clock_ms() < k->report_ms)
		return ERR_OK;
	keys_look(leader->config, k->ring, &k->told);
	e = leader_wait(
		leader, key_epoch_report(leader->db, &k->self, k->ring, on_report, &ask), &ask.ask);
	if (e != ERR_OK)
		return e;
	(void)keys_tell(&k->told, &ask.state, "data keys are not wrapped anew");
	k->report_ms = clock_ms() + KEY_REPORT_EVERY_MS;
	return ERR_OK;
}

struct keyring *scheduler_keys_ring(const struct leader *leader)
{
	return leader->keys->ring;
}

bool scheduler_keys_done(const struct leader *leader)
{
	return keyring_active(leader->keys->ring) == 0 || keyring_refuses_clear(leader->keys->ring);
}

/* ---- wrapping anew ---- */

/* A page, copied out of its callback, and the same keys under the active epoch. */
struct page_ask {
	struct ask ask;
	struct subject_key was[SUBJECT_KEYS_MAX], keys[SUBJECT_KEYS_MAX];
	size_t n;
	struct subject_key end;
	bool last;
};

static void on_page(void *ctx, enum err e, const struct subject_key_page *page)
{
	struct page_ask *ask = ctx;

	ask->ask.err = e;
	if (e != ERR_OK)
		return;
	ask->n = page->n < SUBJECT_KEYS_MAX ? page->n : SUBJECT_KEYS_MAX;
	if (ask->n > 0)
		memcpy(ask->was, page->keys, ask->n * sizeof *ask->was);
	ask->end = (struct subject_key){page->after_tenant, {.id = page->after_key}};
	ask->last = page->last;
}

/* A key that does not open here stays as it is: another scheduler may hold its epoch. */
static size_t page_wrap(struct scheduler_keys *k, struct page_ask *page)
{
	size_t n = 0;

	for (size_t i = 0; i < page->n; i++) {
		const struct subject_key was = page->was[i];

		page->keys[n].tenant = was.tenant;
		if (sealed_key_rewrap(k->ring, was.tenant, &was.key, &page->keys[n].key) == ERR_OK)
			page->was[n++] = was;
	}
	if (n < page->n)
		log_error("data keys do not open: their epoch's key is not here",
			LOG_INT("keys", (int64_t)(page->n - n)));
	return n;
}

static enum err page_store(struct leader *leader, struct page_ask *page, size_t n)
{
	struct ask ask = {0};

	if (n == 0)
		return ERR_OK;
	return leader_wait(leader,
		subject_key_rewrap(leader->db, page->was, page->keys, n, ask_done, &ask), &ask);
}

static void walk_begin(struct scheduler_keys *k)
{
	k->after = (struct subject_key){0};
	k->wrapped = 0;
	k->began_ms = clock_ms();
}

/* A producer that has not heard of the new epoch still makes keys under the old one, behind the
 * walk: only a walk that began when all had heard may rest. One that woke late is met an hour on.
 */
static void walk_on(struct scheduler_keys *k, const struct page_ask *page, size_t n)
{
	k->wrapped += n;
	k->after = page->end;
	if (!page->last)
		return;
	if (k->wrapped > 0)
		log_info("data keys are wrapped anew", LOG_INT("keys", (int64_t)k->wrapped),
			LOG_INT("epoch", k->epoch));
	else if (k->began_ms - k->since_ms >= HEARD_MS)
		k->rests_ms = clock_ms() + REST_MS;
	walk_begin(k);
}

static enum err page_turn(struct leader *leader, struct page_ask *page, int32_t active)
{
	struct scheduler_keys *k = leader->keys;
	size_t n;
	enum err e = leader_wait(
		leader, subject_key_page(leader->db, &k->after, active, on_page, page), &page->ask);

	if (e != ERR_OK)
		return e;
	n = page_wrap(k, page);
	e = page_store(leader, page, n);
	if (e == ERR_OK)
		walk_on(k, page, n);
	return e;
}

/* Another epoch is active: whatever was found before, all is looked at again. */
static void epoch_learn(struct scheduler_keys *k, int32_t active)
{
	if (k->epoch == active)
		return;
	k->epoch = active;
	k->since_ms = clock_ms();
	k->rests_ms = 0;
	walk_begin(k);
}

/* Walks until a whole walk finds nothing to do. */
enum err scheduler_keys_rewrap(struct leader *leader, bool *ret_busy)
{
	struct scheduler_keys *k = leader->keys;
	const int32_t active = keyring_active(k->ring);
	struct page_ask *page;
	enum err e;

	if (active != 0)
		epoch_learn(k, active);
	if (active == 0 || clock_ms() < k->rests_ms)
		return ERR_OK;
	page = calloc(1, sizeof *page);
	if (page == NULL)
		return ERR_NOMEM;
	e = page_turn(leader, page, active);
	digest_wipe(page, sizeof *page);
	free(page);
	*ret_busy = e == ERR_OK && !id_is_zero(k->after.tenant); /* in the midst of a walk */
	return e;
}

/* ---- birth and death ---- */

enum err scheduler_keys_new(struct leader *leader, struct scheduler_keys **ret_keys)
{
	struct scheduler_keys *k = calloc(1, sizeof *k);
	enum err e = k == NULL ? ERR_NOMEM : keys_open(leader->config, &k->ring);

	if (e != ERR_OK) {
		free(k);
		return e;
	}
	k->self = (struct key_holder){id_new(0), "scheduler"};
	*ret_keys = k;
	return ERR_OK;
}

void scheduler_keys_free(struct scheduler_keys *k)
{
	if (k == NULL)
		return;
	keyring_free(k->ring);
	free(k);
}
