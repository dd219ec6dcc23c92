#include "upstreams/written.h"

#include <stdbool.h>
#include <string.h>

static bool is_one_of(const char *name, const char *const *names)
{
	while (*names && strcmp(*names, name) != 0)
		names++;
	return *names != NULL;
}

/* An object has a name for each of its strings, but for what a tool is called with: the model chose
 * the names too. */
static const char *name_below(const char *above, const char *name)
{
	static const char *const open[] = {"input", NULL};

	return is_one_of(above, open) ? above : name;
}

size_t written_in(const char *name, const json_t *value)
{
	static const char *const texts[] = {"content", "text", "refusal", "reasoning",
		"reasoning_content", "thinking", "arguments", "transcript", "input", NULL};
	size_t bytes = 0, i;
	const char *member;
	json_t *inner;

	if (json_is_string(value))
		return is_one_of(name, texts) ? json_string_length(value) : 0;
	json_object_foreach((json_t *)value, member, inner)
	{
		bytes += written_in(name_below(name, member), inner);
	}
	json_array_foreach(value, i, inner)
	{
		bytes += written_in(name, inner);
	}
	return bytes;
}
