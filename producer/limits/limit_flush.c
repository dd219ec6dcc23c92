#include "limits/limit_flush.h"

#include "ground/buf.h"
#include "ground/digest.h"
#include "limits/limit_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PLACES = 4 * LIMIT_FLUSH_KEYS, /* of groups, by the hash of their buckets */
	KEY_TEXT = sizeof(LIMIT_KEY) + 2 * LEVEL_ID,
	WORDS_MAX = 1 + (1 + 3) * LIMIT_FLUSH_KEYS + 2 * LIMIT_FLUSH_KEYS,
	TEXT_MAX = 4 << 20
};

/* Of a bucket whose limit is not known here: whoever asks it next brings it within its burst. */
static const struct limit_pace unknown = {1, 1e12};

/* Requests that ask the same buckets. Its keys are copied: asks may be given up. */
struct group {
	size_t n, first, keys_n; /* keys: in the flush's list */
	int64_t admitted;	 /* told */
	size_t at;		 /* in the reply */
};

struct limit_flush {
	struct limit_key keys[LIMIT_FLUSH_KEYS];
	double floors[LIMIT_FLUSH_KEYS];
	size_t keys_n;
	struct group groups[LIMIT_FLUSH_KEYS];
	size_t groups_n;
	uint32_t places[PLACES]; /* a group's number + 1; 0: none */
	struct buf text;
	size_t words_n, at[WORDS_MAX]; /* texts move while they grow, so places are kept */
	struct scratch_arg args[WORDS_MAX];
};

enum err limit_flush_new(struct limit_flush **ret_flush)
{
	struct limit_flush *f = calloc(1, sizeof *f);

	if (!f)
		return ERR_NOMEM;
	buf_init(&f->text, TEXT_MAX);
	*ret_flush = f;
	return ERR_OK;
}

void limit_flush_free(struct limit_flush *f)
{
	if (!f)
		return;
	buf_clear(&f->text);
	free(f);
}

/* ---- grouping ---- */

static bool asks_the_same(
	const struct limit_flush *f, const struct group *g, const struct limit_ask *ask)
{
	if (g->keys_n != ask->n)
		return false;
	for (size_t i = 0; i < ask->n; i++) {
		const struct limit_key *a = &f->keys[g->first + i], *b = &ask->keys[i];

		if (memcmp(a->id, b->id, LEVEL_ID) != 0 ||
			a->pace.interval_us != b->pace.interval_us ||
			a->pace.span_us != b->pace.span_us)
			return false;
	}
	return true;
}

/* The group's place, or the free one where it belongs. */
static uint32_t *group_place(struct limit_flush *f, const struct limit_ask *ask)
{
	uint32_t hash = 0;

	for (size_t i = 0; i < ask->n; i++) {
		uint32_t part;

		memcpy(&part, ask->keys[i].id, sizeof part);
		hash = hash * 31 + part;
	}
	for (size_t at = hash % PLACES;; at = (at + 1) % PLACES) {
		uint32_t *place = &f->places[at];

		if (*place == 0 || asks_the_same(f, &f->groups[*place - 1], ask))
			return place;
	}
}

static double floor_of(const struct limit_memory *m, const uint8_t id[LEVEL_ID])
{
	const double floor_us = levels_own_ahead(m->levels, id, m->now_us) - (double)m->slack_us;

	return floor_us > 0 ? floor_us : 0;
}

static struct group *group_add(struct limit_flush *f, size_t keys_n)
{
	struct group *g = &f->groups[f->groups_n++];

	*g = (struct group){.first = f->keys_n, .keys_n = keys_n};
	f->keys_n += keys_n;
	return g;
}

static void group_begin(struct limit_flush *f, uint32_t *place, const struct limit_ask *ask,
	const struct limit_memory *memory)
{
	const struct group *g = group_add(f, ask->n);

	*place = (uint32_t)f->groups_n;
	for (size_t i = 0; i < ask->n; i++) {
		f->keys[g->first + i] = ask->keys[i];
		f->floors[g->first + i] = floor_of(memory, ask->keys[i].id);
	}
}

bool limit_flush_remind(struct limit_flush *f, const struct limit_memory *memory, size_t *at)
{
	const uint8_t *id;

	f->keys_n = f->groups_n = 0;
	while (f->keys_n < LIMIT_FLUSH_KEYS &&
		(id = levels_next(memory->levels, memory->now_us, at))) {
		const struct group *g = group_add(f, 1);

		f->keys[g->first] = (struct limit_key){.pace = unknown};
		memcpy(f->keys[g->first].id, id, LEVEL_ID);
		f->floors[g->first] = floor_of(memory, id);
	}
	return f->keys_n > 0;
}

void limit_flush_fill(struct limit_flush *f, const struct limit_memory *memory, struct ring *inbox,
	struct ring *ret_asks)
{
	f->keys_n = f->groups_n = 0;
	memset(f->places, 0, sizeof f->places);
	while (!ring_empty(inbox)) {
		struct limit_ask *ask = RING_OF(inbox->next, struct limit_ask, link);
		uint32_t *place = group_place(f, ask);

		if (*place == 0 && f->keys_n + ask->n > LIMIT_FLUSH_KEYS)
			return;
		if (*place == 0)
			group_begin(f, place, ask, memory);
		ask->group = *place - 1;
		f->groups[ask->group].n++;
		ring_join(ret_asks, &ask->link);
	}
}

/* ---- words ---- */

static void word(struct limit_flush *f, const char *text)
{
	f->at[f->words_n++] = f->text.len;
	(void)buf_append(&f->text, text, strlen(text) + 1);
}

static void word_count(struct limit_flush *f, size_t number)
{
	char text[32];

	(void)snprintf(text, sizeof text, "%zu", number);
	word(f, text);
}

static void word_us(struct limit_flush *f, double us)
{
	char text[48];

	(void)snprintf(text, sizeof text, "%.4f", us);
	word(f, text);
}

static void words_make(struct limit_flush *f)
{
	char key[KEY_TEXT] = LIMIT_KEY;

	f->words_n = 0;
	buf_reset(&f->text);
	for (size_t i = 0; i < f->keys_n; i++) {
		digest_hex(f->keys[i].id, LEVEL_ID, key + sizeof(LIMIT_KEY) - 1);
		word(f, key);
	}
	word_count(f, f->groups_n);
	for (size_t g = 0; g < f->groups_n; g++) {
		const struct group *group = &f->groups[g];

		word_count(f, group->n);
		word_count(f, group->keys_n);
		for (size_t i = group->first; i < group->first + group->keys_n; i++) {
			word_us(f, f->keys[i].pace.interval_us);
			word_us(f, f->keys[i].pace.span_us);
			word_us(f, f->floors[i]);
		}
	}
}

enum err limit_flush_send(struct limit_flush *f, struct scratch *scratch,
	struct scratch_script *script, scratch_reply_fn *fn, void *owner)
{
	words_make(f);
	if (buf_err(&f->text))
		return ERR_NOMEM;
	for (size_t i = 0; i < f->words_n; i++)
		f->args[i] = SCRATCH_TEXT(f->text.bytes + f->at[i]);
	return scratch_run(scratch, script,
		(struct scratch_args){.list = f->args, .n = f->words_n, .n_keys = f->keys_n}, fn,
		owner);
}

/* ---- answers ---- */

void limit_flush_take(struct limit_flush *f, const struct scratch_reply *reply,
	struct levels *levels, int64_t sent_us, struct ring *asks)
{
	size_t at = 0;

	for (size_t g = 0; g < f->groups_n; g++) {
		struct group *group = &f->groups[g];

		group->admitted = scratch_int(scratch_item(reply, at++));
		for (size_t i = group->first; i < group->first + group->keys_n; i++) {
			f->keys[i].ahead_us = (double)scratch_int(scratch_item(reply, at++));
			levels_put(levels, f->keys[i].id, sent_us, f->keys[i].ahead_us);
		}
	}
	for (struct ring *link = asks->next; link != asks; link = link->next) {
		struct limit_ask *ask = RING_OF(link, struct limit_ask, link);
		struct group *group = &f->groups[ask->group];

		ask->answered = true;
		ask->admitted = group->admitted-- > 0;
		for (size_t i = 0; i < ask->n; i++)
			ask->keys[i].ahead_us = f->keys[group->first + i].ahead_us;
	}
}
