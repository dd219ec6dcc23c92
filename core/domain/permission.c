#include "domain/permission.h"

#include <string.h>

#define PERMISSION_ROW(name, text, what) text,
static const char *const rows[PERMISSIONS] = {PERMISSION_TABLE(PERMISSION_ROW)};
#undef PERMISSION_ROW

static const char operators[] = "operator:", everything[] = "*:*";

const char *permission_text(enum permission p)
{
	return rows[p];
}

bool permission_is_operators(enum permission p)
{
	return strncmp(rows[p], operators, sizeof operators - 1) == 0;
}

permission_set permission_operators(void)
{
	permission_set set = 0;

	for (enum permission p = 0; p < PERMISSIONS; p++)
		if (permission_is_operators(p))
			set |= permission_bit(p);
	return set;
}

/* With the star: the resource and its colon are the same. */
static bool names(const char *text, size_t len, const char *row)
{
	if (len > 2 && strcmp(text + len - 2, ":*") == 0)
		return strncmp(text, row, len - 1) == 0;
	return strcmp(text, row) == 0;
}

permission_set permission_named(const char *text)
{
	size_t len = strlen(text);
	permission_set set = 0;

	if (strcmp(text, everything) == 0)
		return (((permission_set)1 << PERMISSIONS) - 1) & ~permission_operators();
	for (enum permission p = 0; p < PERMISSIONS; p++)
		if (names(text, len, rows[p]))
			set |= permission_bit(p);
	return set;
}

permission_set permission_scope(const char *word)
{
	return strcmp(word, everything) == 0 ? 0 : permission_named(word);
}
