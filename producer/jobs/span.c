#include "jobs/span.h"

#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t blanks(const char *text, size_t len, size_t at)
{
	while (at < len && is_blank(text[at]))
		at++;
	return at;
}

/* at stands on the opening quote; returns the place behind the closing one. */
static size_t string_end(const char *text, size_t len, size_t at)
{
	for (at++; at < len && text[at] != '"'; at++)
		if (text[at] == '\\')
			at++;
	return at < len ? at + 1 : len;
}

/* at stands on a value; returns the place of the comma or brace behind it. */
static size_t value_end(const char *text, size_t len, size_t at)
{
	size_t depth = 0;

	while (at < len) {
		char c = text[at];

		if (c == '"') {
			at = string_end(text, len, at);
			continue;
		}
		if (depth == 0 && (c == ',' || c == '}' || c == ']'))
			return at;
		if (c == '{' || c == '[')
			depth++;
		if (c == '}' || c == ']')
			depth--;
		at++;
	}
	return len;
}

bool span_find(const char *text, size_t len, const char *name, struct span *ret)
{
	size_t at = blanks(text, len, 0), want = strlen(name);

	if (at >= len || text[at] != '{')
		return false;
	for (at = blanks(text, len, at + 1); at < len && text[at] == '"';) {
		size_t key = at + 1, key_end = string_end(text, len, at) - 1, value;

		at = blanks(text, len, key_end + 1);
		if (at >= len || text[at] != ':')
			return false;
		value = blanks(text, len, at + 1);
		at = value_end(text, len, value);
		if (key_end - key == want && memcmp(text + key, name, want) == 0) {
			size_t end = at;

			while (end > value && is_blank(text[end - 1]))
				end--;
			*ret = (struct span){text + value, end - value};
			return end > value;
		}
		if (at >= len || text[at] != ',')
			return false;
		at = blanks(text, len, at + 1);
	}
	return false;
}
