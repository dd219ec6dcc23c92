#include "access/tenant_facts.h"

#include "ports/json.h"

#include <stdlib.h>
#include <string.h>

static void origins_read(
	struct tenant_facts *facts, const struct sealed_box *box, struct db_bytes sealed)
{
	const struct sealed_where where = {SEALED_ORIGINS, facts->id, 0};
	struct sealed_view view;
	json_t *list = NULL;
	struct problems p = {0};

	if (!sealed.bytes || sealed_open(box, where, sealed.bytes, sealed.len, &view) != ERR_OK)
		return;
	if (json_read(view.bytes, view.len, 4, &p, &list) == ERR_OK)
		for (size_t i = 0; i < json_array_size(list) && facts->origins_n < ORIGINS_MAX;
			i++) {
			const char *text = json_string_value(json_array_get(list, i));
			char *copy = text ? strdup(text) : NULL;

			if (copy)
				facts->origins[facts->origins_n++] = copy;
		}
	json_decref(list);
	sealed_view_clear(&view);
}

/* One of 32 bytes is from before there were keys, and without a format. */
static enum err match_key_read(
	struct tenant_facts *facts, const struct sealed_box *box, struct db_bytes rests)
{
	const struct sealed_where where = {SEALED_MATCHING, facts->id, 0};
	struct sealed_view view = {rests.bytes, rests.len, NULL};
	enum err e = ERR_OK;

	if (rests.len != MATCH_KEY_BYTES)
		e = sealed_open(box, where, rests.bytes, rests.len, &view);
	else if (box->refuses_clear)
		e = ERR_SEALING;
	if (!e && view.len != MATCH_KEY_BYTES)
		e = ERR_DB_DATA;
	if (!e)
		memcpy(facts->match_key, view.bytes, MATCH_KEY_BYTES);
	if (view.owned)
		sealed_view_clear(&view);
	return e;
}

enum err tenant_facts_read(
	const struct tenant *t, struct keyring *ring, struct tenant_facts **ret_facts)
{
	struct tenant_facts *facts = calloc(1, sizeof *facts);
	struct sealed_box box;
	enum err e;

	if (!facts)
		return ERR_NOMEM;
	facts->holders = 1;
	facts->id = t->id;
	facts->retention = t->retention;
	sealed_box_open(&box, ring, t->id, &t->key);
	e = match_key_read(facts, &box, t->match_key);
	if (!e)
		origins_read(facts, &box, t->callback_origins);
	sealed_box_close(&box);
	if (e)
		tenant_facts_release(facts);
	else
		*ret_facts = facts;
	return e;
}
