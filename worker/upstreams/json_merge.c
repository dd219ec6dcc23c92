#include "upstreams/json_merge.h"

#include <stdlib.h>
#include <string.h>

static bool names_the_thing(const char *name)
{
	static const char *const names[] = {"role", "type", "id", "index"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

void json_merge_init(struct json_merge *m, size_t max)
{
	m->string = NULL;
	buf_init(&m->text, max);
}

void json_merge_clear(struct json_merge *m)
{
	json_decref(m->string);
	m->string = NULL;
	buf_clear(&m->text);
}

enum err json_merge_end(struct json_merge *m)
{
	int failed = 0;

	if (m->string)
		failed = json_string_setn_nocheck(
			m->string, m->text.bytes ? m->text.bytes : "", m->text.len);
	json_merge_clear(m);
	return failed ? ERR_NOMEM : ERR_OK;
}

static enum err string_join(struct json_merge *m, json_t *into, const json_t *more)
{
	enum err e = ERR_OK;

	if (m->string != into) {
		e = json_merge_end(m);
		m->string = json_incref(into);
		if (!e)
			e = buf_append(&m->text, json_string_value(into), json_string_length(into));
	}
	return e ? e : buf_append(&m->text, json_string_value(more), json_string_length(more));
}

static json_t *item_with_index(const json_t *array, const json_t *index)
{
	const json_int_t at = json_integer_value(index);
	size_t i;
	json_t *item = at >= 0 ? json_array_get(array, (size_t)at) : NULL;

	if (item && json_equal(json_object_get(item, "index"), index))
		return item;
	json_array_foreach(
		array, i, item) if (json_equal(json_object_get(item, "index"), index)) return item;
	return NULL;
}

/* Models number few things; walking through thousands for each chunk would hold the loop. */
enum { NUMBERED_MAX = 1024 };

static enum err array_merge(struct json_merge *m, json_t *into, const json_t *from)
{
	size_t i;
	json_t *item;

	json_array_foreach(from, i, item)
	{
		json_t *index = json_object_get(item, "index");
		json_t *same = NULL;
		enum err e = ERR_OK;

		if (json_is_integer(index) && json_array_size(into) > NUMBERED_MAX)
			return ERR_TOO_LARGE;
		if (json_is_integer(index))
			same = item_with_index(into, index);
		if (same)
			e = json_merge_object(m, same, item);
		else if (json_array_append_new(into, json_deep_copy(item)))
			e = ERR_NOMEM;
		if (e)
			return e;
	}
	return ERR_OK;
}

enum err json_merge_member(struct json_merge *m, json_t *into, const char *name, json_t *value)
{
	json_t *had = json_object_get(into, name);

	if (json_is_null(value) && had)
		return ERR_OK;
	if (json_is_string(had) && json_is_string(value) && !names_the_thing(name))
		return string_join(m, had, value);
	if (json_is_object(had) && json_is_object(value))
		return json_merge_object(m, had, value);
	if (json_is_array(had) && json_is_array(value))
		return array_merge(m, had, value);
	return json_object_set_new(into, name, json_deep_copy(value)) ? ERR_NOMEM : ERR_OK;
}

enum err json_merge_object(struct json_merge *m, json_t *into, json_t *from)
{
	const char *name;
	json_t *value;

	json_object_foreach(from, name, value)
	{
		enum err e = json_merge_member(m, into, name, value);

		if (e)
			return e;
	}
	return ERR_OK;
}

void json_merge_drop_indexes(json_t *message)
{
	const char *name;
	json_t *value, *item;
	size_t i;

	json_object_foreach(message, name, value) json_array_foreach(value, i, item)
		json_object_del(item, "index");
}
