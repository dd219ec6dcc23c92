#include "domain/upstream_dialect.h"

#include <string.h>

static const struct upstream_dialect dialects[] = {
	{"openai", "Authorization: Bearer ", NULL},
	{"anthropic", "x-api-key: ", "anthropic-version: 2023-06-01"},
};

const struct upstream_dialect *upstream_dialect_at(size_t n)
{
	return n < sizeof(dialects) / sizeof(*dialects) ? &dialects[n] : NULL;
}

const struct upstream_dialect *upstream_dialect_find(const char *name)
{
	const struct upstream_dialect *dialect;

	for (size_t i = 0; (dialect = upstream_dialect_at(i)) != NULL; i++) {
		if (strcmp(dialect->name, name) == 0)
			return dialect;
	}
	return NULL;
}
