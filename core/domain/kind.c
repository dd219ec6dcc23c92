#include "domain/kind.h"

#include <string.h>

static const struct kind kinds[] = {
	{"chat", "/chat/completions", KIND_RUNS_UPSTREAM, false},
	{"response", "/responses", KIND_RUNS_UPSTREAM, false},
	{"embedding", "/embeddings", KIND_RUNS_UPSTREAM, false},
	{"message", "/messages", KIND_RUNS_UPSTREAM, false},
	{"query", "", KIND_RUNS_NOT, false},
	{"noop", "", KIND_RUNS_NOTHING, false},
	{"purge", "", KIND_RUNS_NOT, true},
	{"warm", "", KIND_RUNS_NOT, true},
	{"deliver", "", KIND_RUNS_NOT, true},
};

const struct kind *kind_at(size_t n)
{
	return n < sizeof(kinds) / sizeof(*kinds) ? &kinds[n] : NULL;
}

const struct kind *kind_find(const char *name)
{
	const struct kind *kind;

	for (size_t i = 0; name != NULL && (kind = kind_at(i)) != NULL; i++) {
		if (strcmp(kind->name, name) == 0)
			return kind;
	}
	return NULL;
}

const struct kind *kind_submittable(const char *name)
{
	const struct kind *kind = kind_find(name);

	return kind != NULL && !kind->internal && kind->runner != KIND_RUNS_NOT ? kind : NULL;
}
