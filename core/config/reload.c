#include "config/reload.h"

#include "config/table.h"
#include "config/value.h"

#include <stdio.h>
#include <string.h>

enum { RELOAD_VALUE_MAX = 64 * 1024, RELOAD_WHERE = 300 };

struct reload {
	const char *path;
	struct buf *faults, *changes;
	size_t refused;
	enum err err;
};

/* Compares one row; where is what stands before the row's name ("worker." or "upstreams.sim."). */
static void reload_row(struct reload *r, const char *where, const struct config_row *row,
	const void *old_base, const void *new_base)
{
	struct buf before, after;

	buf_init(&before, RELOAD_VALUE_MAX);
	buf_init(&after, RELOAD_VALUE_MAX);
	config_value_print(row, old_base, &before);
	config_value_print(row, new_base, &after);
	if (buf_err(&before) != ERR_OK || buf_err(&after) != ERR_OK) {
		r->err = ERR_NOMEM;
	} else if (strcmp(before.bytes, after.bytes) != 0 && row->live) {
		buf_printf(r->changes, "%s%s: %s -> %s\n", where, row->name, before.bytes,
			after.bytes);
	} else if (strcmp(before.bytes, after.bytes) != 0) {
		buf_printf(r->faults, "%s: %s%s: %s -> %s needs a restart\n", r->path, where,
			row->name, before.bytes, after.bytes);
		r->refused++;
	}
	buf_clear(&before);
	buf_clear(&after);
}

/* What tells an element from its neighbours: its name, or its place in the list. */
static void reload_where(const struct config_section *section, const void *element, size_t i,
	char where[RELOAD_WHERE])
{
	const struct config_row *row = &section->rows[0];

	if (section->named)
		snprintf(where, RELOAD_WHERE, "%s.%s", section->name,
			*(char *const *)((const char *)element + row->offset));
	else
		snprintf(where, RELOAD_WHERE, "%s[%zu]", section->name, i);
}

static const void *reload_find(
	const struct config_section *section, const struct config *in, const char *where)
{
	char found[RELOAD_WHERE];
	const void *element;

	for (size_t i = 0; (element = config_element(section, in, i)) != NULL; i++) {
		reload_where(section, element, i, found);
		if (strcmp(found, where) == 0)
			return element;
	}
	return NULL;
}

static void reload_list(struct reload *r, const struct config_section *section,
	const struct config *before, const struct config *after)
{
	char where[RELOAD_WHERE], row_where[RELOAD_WHERE + 1];
	const void *now, *was;

	for (size_t i = 0; (now = config_element(section, after, i)) != NULL; i++) {
		reload_where(section, now, i, where);
		was = reload_find(section, before, where);
		snprintf(row_where, sizeof(row_where), "%s.", where);
		for (size_t k = 0; was != NULL && k < section->n; k++)
			reload_row(r, row_where, &section->rows[k], was, now);
		if (was == NULL)
			buf_printf(r->changes, "%s: added\n", where);
	}
	for (size_t i = 0; (was = config_element(section, before, i)) != NULL; i++) {
		reload_where(section, was, i, where);
		if (reload_find(section, after, where) == NULL)
			buf_printf(r->changes, "%s: removed\n", where);
	}
}

static void reload_compare(
	struct reload *r, const struct config *before, const struct config *after)
{
	const struct config_section *section;
	char where[64];

	for (size_t s = 0; (section = config_section_at(s)) != NULL; s++) {
		snprintf(where, sizeof(where), "%s.", section->name);
		for (size_t i = 0; !section->list && i < section->n; i++)
			reload_row(r, where, &section->rows[i], before, after);
		if (section->list)
			reload_list(r, section, before, after);
	}
}

enum err config_reload(const struct config *old, const char *path, struct buf *faults,
	struct buf *changes, struct config **ret_config)
{
	struct reload r = {.path = path, .faults = faults, .changes = changes};
	struct config *fresh = NULL;
	enum err e = config_load(path, faults, &fresh);

	if (e != ERR_OK)
		return e;
	reload_compare(&r, old, fresh);
	e = r.refused > 0 ? ERR_CONFIG : r.err;
	if (e == ERR_OK) {
		*ret_config = fresh;
		fresh = NULL;
	}
	config_release(fresh);
	return e;
}
