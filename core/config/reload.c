/* reload.c - what differs between two configurations, and whether that may happen while running. */
#include "config/value.h"

#include <stdio.h>
#include <string.h>

enum { RELOAD_VALUE_MAX = 64 * 1024 };

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

static const struct config_upstream *reload_upstream(const struct config *in, const char *name)
{
	for (size_t i = 0; i < in->upstreams_n; i++) {
		if (strcmp(in->upstreams[i].name, name) == 0)
			return &in->upstreams[i];
	}
	return NULL;
}

static void reload_upstreams(struct reload *r, const struct config_section *section,
	const struct config *before, const struct config *after)
{
	char where[128];

	for (size_t i = 0; i < after->upstreams_n; i++) {
		const struct config_upstream *now = &after->upstreams[i];
		const struct config_upstream *was = reload_upstream(before, now->name);

		snprintf(where, sizeof(where), "upstreams.%s.", now->name);
		for (size_t k = 0; was != NULL && k < section->n; k++)
			reload_row(r, where, &section->rows[k], was, now);
		if (was == NULL)
			buf_printf(r->changes, "upstreams.%s: added\n", now->name);
	}
	for (size_t i = 0; i < before->upstreams_n; i++) {
		if (reload_upstream(after, before->upstreams[i].name) == NULL)
			buf_printf(
				r->changes, "upstreams.%s: removed\n", before->upstreams[i].name);
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
			reload_upstreams(r, section, before, after);
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
