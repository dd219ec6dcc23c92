#include "limits/limit_flush.h"

#include "ground/buf.h"
#include "ground/digest.h"
#include "limits/limit_script.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum {
	PLACE_BITS = 13,
	PLACES = 1 << PLACE_BITS, /* four times what may lie there */
	KEY_PREFIX = sizeof(LIMIT_KEY) - 1,
	KEY_TEXT = KEY_PREFIX + 2 * LEVEL_ID + 1,
	TEXT_MAX = 4 << 20
};

/* Of a bucket whose limit is not known here: whoever asks it next brings it within its burst. */
static const struct limit_pace unknown = {1, 1e12};

/* Once, whoever asks it. Where its limit changes between two requests the later one's holds. */
struct bucket {
	uint8_t id[LEVEL_ID];
	struct limit_pace pace;
	double floor_us;
};

/* A group's use of a bucket. */
struct charge {
	uint32_t bucket;
	double ahead_us; /* told */
};

/* Requests that ask the same buckets. */
struct group {
	size_t n, first, charges_n; /* charges: in the flush's list */
	int64_t admitted;	    /* told */
};

struct limit_flush {
	struct bucket buckets[LIMIT_FLUSH_KEYS];
	struct charge charges[LIMIT_FLUSH_KEYS];
	struct group groups[LIMIT_FLUSH_KEYS];
	size_t buckets_n, charges_n, groups_n;
	/* where each lies by its hash: its number + 1; 0: none */
	uint32_t bucket_places[PLACES], group_places[PLACES];
	char texts[LIMIT_FLUSH_KEYS][KEY_TEXT];
	struct buf packed_buckets, packed_groups;
	struct scratch_arg args[LIMIT_FLUSH_KEYS + 2];
};

enum err limit_flush_new(struct limit_flush **ret_flush)
{
	struct limit_flush *f = calloc(1, sizeof *f);

	if (!f)
		return ERR_NOMEM;
	for (size_t i = 0; i < LIMIT_FLUSH_KEYS; i++)
		memcpy(f->texts[i], LIMIT_KEY, KEY_PREFIX);
	buf_init(&f->packed_buckets, TEXT_MAX);
	buf_init(&f->packed_groups, TEXT_MAX);
	*ret_flush = f;
	return ERR_OK;
}

void limit_flush_free(struct limit_flush *f)
{
	if (!f)
		return;
	buf_clear(&f->packed_buckets);
	buf_clear(&f->packed_groups);
	free(f);
}

static void empty(struct limit_flush *f)
{
	f->buckets_n = f->charges_n = f->groups_n = 0;
	memset(f->bucket_places, 0, sizeof f->bucket_places);
	memset(f->group_places, 0, sizeof f->group_places);
}

/* ---- buckets ---- */

/* Fibonacci hashing (Knuth, 6.4). */
static size_t place_of(uint64_t value)
{
	return (size_t)(value * UINT64_C(0x9e3779b97f4a7c15) >> (64 - PLACE_BITS));
}

/* The bucket's place, or the free one where it belongs. */
static uint32_t *bucket_place(struct limit_flush *f, const uint8_t id[LEVEL_ID])
{
	uint64_t head;

	memcpy(&head, id, sizeof head);
	for (size_t at = place_of(head);; at = (at + 1) % PLACES) {
		uint32_t *place = &f->bucket_places[at];

		if (*place == 0 || memcmp(f->buckets[*place - 1].id, id, LEVEL_ID) == 0)
			return place;
	}
}

static double floor_of(const struct limit_memory *m, const uint8_t id[LEVEL_ID])
{
	const double floor_us = levels_own_ahead(m->levels, id, m->now_us) - (double)m->slack_us;

	return floor_us > 0 ? floor_us : 0;
}

static uint32_t bucket_of(struct limit_flush *f, const struct limit_memory *memory,
	const uint8_t id[LEVEL_ID], struct limit_pace pace)
{
	uint32_t *place = bucket_place(f, id);

	if (*place == 0) {
		struct bucket *b = &f->buckets[f->buckets_n++];

		memcpy(b->id, id, LEVEL_ID);
		b->floor_us = floor_of(memory, id);
		*place = (uint32_t)f->buckets_n;
	}
	f->buckets[*place - 1].pace = pace;
	return *place - 1;
}

/* ---- grouping ---- */

static bool asks_the_same(const struct limit_flush *f, const struct group *a, const struct group *b)
{
	const struct charge *left = &f->charges[a->first], *right = &f->charges[b->first];

	if (a->charges_n != b->charges_n)
		return false;
	for (size_t i = 0; i < a->charges_n; i++)
		if (left[i].bucket != right[i].bucket)
			return false;
	return true;
}

/* The place of the group that asks the same, or the free one where g belongs. */
static uint32_t *group_place(struct limit_flush *f, const struct group *g)
{
	uint64_t hash = 0;

	for (size_t i = 0; i < g->charges_n; i++)
		hash = hash * LIMIT_FLUSH_KEYS + f->charges[g->first + i].bucket;
	for (size_t at = place_of(hash);; at = (at + 1) % PLACES) {
		uint32_t *place = &f->group_places[at];

		if (*place == 0 || asks_the_same(f, &f->groups[*place - 1], g))
			return place;
	}
}

/* Its charges stand behind all others, and stay there when it is the first of its kind. */
static size_t group_of(struct limit_flush *f, const struct group *g)
{
	uint32_t *place = group_place(f, g);

	if (*place == 0) {
		f->groups[f->groups_n++] = *g;
		f->charges_n += g->charges_n;
		*place = (uint32_t)f->groups_n;
	}
	return *place - 1;
}

bool limit_flush_remind(struct limit_flush *f, const struct limit_memory *memory, size_t *at)
{
	const uint8_t *id;

	empty(f);
	while (f->charges_n < LIMIT_FLUSH_KEYS &&
		(id = levels_next(memory->levels, memory->now_us, at))) {
		const struct group g = {.first = f->charges_n, .charges_n = 1};

		f->charges[g.first].bucket = bucket_of(f, memory, id, unknown);
		(void)group_of(f, &g);
	}
	return f->charges_n > 0;
}

void limit_flush_fill(struct limit_flush *f, const struct limit_memory *memory, struct ring *inbox,
	struct ring *ret_asks)
{
	empty(f);
	while (!ring_empty(inbox)) {
		struct limit_ask *ask = RING_OF(inbox->next, struct limit_ask, link);
		const struct group g = {.first = f->charges_n, .charges_n = ask->n};

		if (g.first + g.charges_n > LIMIT_FLUSH_KEYS)
			return;
		for (size_t i = 0; i < ask->n; i++)
			f->charges[g.first + i].bucket =
				bucket_of(f, memory, ask->keys[i].id, ask->keys[i].pace);
		ask->group = group_of(f, &g);
		f->groups[ask->group].n++;
		ring_join(ret_asks, &ask->link);
	}
}

/* ---- words ---- */

static void pack_us(struct buf *out, double us)
{
	uint64_t bits;

	memcpy(&bits, &us, sizeof bits);
	bits = htole64(bits);
	(void)buf_append(out, &bits, sizeof bits);
}

static void pack_number(struct buf *out, size_t number)
{
	const uint32_t bits = htole32((uint32_t)number);

	(void)buf_append(out, &bits, sizeof bits);
}

static void buckets_pack(struct limit_flush *f)
{
	struct buf *out = &f->packed_buckets;

	buf_reset(out);
	for (size_t i = 0; i < f->buckets_n; i++) {
		const struct bucket *b = &f->buckets[i];

		digest_hex(b->id, LEVEL_ID, f->texts[i] + KEY_PREFIX);
		f->args[i] = (struct scratch_arg){f->texts[i], KEY_TEXT - 1};
		pack_us(out, b->pace.interval_us);
		pack_us(out, b->pace.span_us);
		pack_us(out, b->floor_us);
	}
}

static void groups_pack(struct limit_flush *f)
{
	struct buf *out = &f->packed_groups;

	buf_reset(out);
	for (size_t i = 0; i < f->groups_n; i++) {
		const struct group *g = &f->groups[i];

		pack_number(out, g->n);
		pack_number(out, g->charges_n);
		for (size_t c = g->first; c < g->first + g->charges_n; c++)
			pack_number(out, f->charges[c].bucket + 1);
	}
}

enum err limit_flush_send(struct limit_flush *f, struct scratch *scratch,
	struct scratch_script *script, scratch_reply_fn *fn, void *owner)
{
	const struct buf *buckets = &f->packed_buckets, *groups = &f->packed_groups;

	buckets_pack(f);
	groups_pack(f);
	if (buf_err(buckets) || buf_err(groups))
		return ERR_NOMEM;
	f->args[f->buckets_n] = (struct scratch_arg){buckets->bytes, buckets->len};
	f->args[f->buckets_n + 1] = (struct scratch_arg){groups->bytes, groups->len};
	return scratch_run(scratch, script,
		(struct scratch_args){
			.list = f->args, .n = f->buckets_n + 2, .n_keys = f->buckets_n},
		fn, owner);
}

/* ---- answers ---- */

/* Of a group: how many are let in, and how its buckets stand then. */
static void group_take(
	struct limit_flush *f, struct group *g, const struct scratch_reply *reply, size_t *at)
{
	g->admitted = scratch_int(scratch_item(reply, (*at)++));
	for (size_t i = g->first; i < g->first + g->charges_n; i++)
		f->charges[i].ahead_us = (double)scratch_int(scratch_item(reply, (*at)++));
}

void limit_flush_take(struct limit_flush *f, const struct scratch_reply *reply,
	struct levels *levels, int64_t sent_us, struct ring *asks)
{
	size_t at = 0;

	for (size_t g = 0; g < f->groups_n; g++)
		group_take(f, &f->groups[g], reply, &at);
	for (size_t i = 0; i < f->charges_n; i++)
		levels_put(levels, f->buckets[f->charges[i].bucket].id, sent_us,
			f->charges[i].ahead_us);
	for (struct ring *link = asks->next; link != asks; link = link->next) {
		struct limit_ask *ask = RING_OF(link, struct limit_ask, link);
		struct group *group = &f->groups[ask->group];

		ask->answered = true;
		ask->admitted = group->admitted-- > 0;
		for (size_t i = 0; i < ask->n; i++)
			ask->keys[i].ahead_us = f->charges[group->first + i].ahead_us;
	}
}
