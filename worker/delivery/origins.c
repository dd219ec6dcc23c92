#include "delivery/origins.h"

#include <stdlib.h>
#include <string.h>

struct place {
	char *origin;
	size_t taken;
};

struct origins {
	struct place *places; /* those with taken > 0 */
	size_t n, slots;
};

enum err origins_new(size_t slots, struct origins **ret_origins)
{
	struct origins *o = calloc(1, sizeof *o);

	if (!o)
		return ERR_NOMEM;
	o->slots = slots;
	o->places = calloc(slots, sizeof *o->places);
	if (!o->places) {
		free(o);
		return ERR_NOMEM;
	}
	*ret_origins = o;
	return ERR_OK;
}

void origins_free(struct origins *origins)
{
	if (!origins)
		return;
	for (size_t i = 0; i < origins->n; i++)
		free(origins->places[i].origin);
	free(origins->places);
	free(origins);
}

static struct place *find(struct origins *o, const char *origin)
{
	for (size_t i = 0; i < o->n; i++)
		if (strcmp(o->places[i].origin, origin) == 0)
			return &o->places[i];
	return NULL;
}

bool origins_enter(struct origins *origins, const char *origin, size_t cap)
{
	struct place *place = find(origins, origin);
	char *copy;

	if (place) {
		if (place->taken >= cap)
			return false;
		place->taken++;
		return true;
	}
	copy = origins->n < origins->slots && cap > 0 ? strdup(origin) : NULL;
	if (!copy)
		return false;
	origins->places[origins->n++] = (struct place){.origin = copy, .taken = 1};
	return true;
}

void origins_leave(struct origins *origins, const char *origin)
{
	struct place *place = find(origins, origin);

	if (!place || --place->taken > 0)
		return;
	free(place->origin);
	*place = origins->places[--origins->n];
}
