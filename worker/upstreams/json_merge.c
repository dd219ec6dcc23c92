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

static enum err string_join(json_t *into, const json_t *more)
{
	const size_t had = json_string_length(into), len = json_string_length(more);
	char *text = malloc(had + len + 1);
	int failed;

	if (!text)
		return ERR_NOMEM;
	memcpy(text, json_string_value(into), had);
	memcpy(text + had, json_string_value(more), len);
	failed = json_string_setn_nocheck(into, text, had + len);
	free(text);
	return failed ? ERR_NOMEM : ERR_OK;
}

static json_t *item_with_index(const json_t *array, const json_t *index)
{
	size_t i;
	json_t *item;

	json_array_foreach(
		array, i, item) if (json_equal(json_object_get(item, "index"), index)) return item;
	return NULL;
}

static enum err array_merge(json_t *into, const json_t *from)
{
	size_t i;
	json_t *item;

	json_array_foreach(from, i, item)
	{
		json_t *index = json_object_get(item, "index");
		json_t *same = json_is_integer(index) ? item_with_index(into, index) : NULL;
		enum err e = ERR_OK;

		if (same)
			e = json_merge_object(same, item);
		else if (json_array_append_new(into, json_deep_copy(item)))
			e = ERR_NOMEM;
		if (e)
			return e;
	}
	return ERR_OK;
}

enum err json_merge_member(json_t *into, const char *name, json_t *value)
{
	json_t *had = json_object_get(into, name);

	if (json_is_null(value) && had)
		return ERR_OK;
	if (json_is_string(had) && json_is_string(value) && !names_the_thing(name))
		return string_join(had, value);
	if (json_is_object(had) && json_is_object(value))
		return json_merge_object(had, value);
	if (json_is_array(had) && json_is_array(value))
		return array_merge(had, value);
	return json_object_set_new(into, name, json_deep_copy(value)) ? ERR_NOMEM : ERR_OK;
}

enum err json_merge_object(json_t *into, json_t *from)
{
	const char *name;
	json_t *value;

	json_object_foreach(from, name, value)
	{
		enum err e = json_merge_member(into, name, value);

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
