#include "limits/levels.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { PROBES = 8 };

struct level {
	uint8_t id[LEVEL_ID];
	int64_t until_us; /* the theoretical arrival time, by clock_us */
};

struct levels {
	struct level list[LEVELS_MAX];
};

enum err levels_new(struct levels **ret_levels)
{
	*ret_levels = calloc(1, sizeof **ret_levels);
	return *ret_levels ? ERR_OK : ERR_NOMEM;
}

void levels_free(struct levels *l)
{
	free(l);
}

/* Ids are digests: any of their bytes will do. */
static size_t level_place(const uint8_t id[LEVEL_ID], size_t probe)
{
	return ((size_t)id[0] << 16 | (size_t)id[1] << 8 | id[2]) + probe;
}

/* Its own, else one that is empty by now, else one that it shares. */
static size_t level_find(const struct levels *l, const uint8_t id[LEVEL_ID], int64_t now_us)
{
	size_t empty = LEVELS_MAX;

	for (size_t i = 0; i < PROBES; i++) {
		const size_t at = level_place(id, i) % LEVELS_MAX;

		if (memcmp(l->list[at].id, id, LEVEL_ID) == 0)
			return at;
		if (empty == LEVELS_MAX && l->list[at].until_us <= now_us)
			empty = at;
	}
	return empty < LEVELS_MAX ? empty : level_place(id, 0) % LEVELS_MAX;
}

double levels_ahead(const struct levels *l, const uint8_t id[LEVEL_ID], int64_t now_us)
{
	const struct level *level = &l->list[level_find(l, id, now_us)];

	return level->until_us > now_us ? (double)(level->until_us - now_us) : 0;
}

double levels_own_ahead(const struct levels *l, const uint8_t id[LEVEL_ID], int64_t now_us)
{
	const bool own = memcmp(l->list[level_find(l, id, now_us)].id, id, LEVEL_ID) == 0;

	return own ? levels_ahead(l, id, now_us) : 0;
}

void levels_put(struct levels *l, const uint8_t id[LEVEL_ID], int64_t now_us, double ahead_us)
{
	struct level *level = &l->list[level_find(l, id, now_us)];
	const int64_t until_us = now_us + (int64_t)ahead_us;

	if (level->until_us > now_us && memcmp(level->id, id, LEVEL_ID) != 0) {
		if (until_us > level->until_us)
			level->until_us = until_us;
		return;
	}
	memcpy(level->id, id, LEVEL_ID);
	level->until_us = until_us;
}

const uint8_t *levels_next(const struct levels *l, int64_t now_us, size_t *at)
{
	while (*at < LEVELS_MAX) {
		const struct level *level = &l->list[(*at)++];

		if (level->until_us > now_us)
			return level->id;
	}
	return NULL;
}
