#include "domain/kind.h"

#include <string.h>

static const struct kind kinds[] = {
	{"chat", "/chat/completions", KIND_RUNS_UPSTREAM, false, true},
	{"response", "/responses", KIND_RUNS_UPSTREAM, false, true},
	{"embedding", "/embeddings", KIND_RUNS_UPSTREAM, false, false},
	{"message", "/messages", KIND_RUNS_UPSTREAM, false, true},
	{"query", "", KIND_RUNS_NOT, false, false},
	{"noop", "", KIND_RUNS_NOTHING, false, false},
	{"purge", "", KIND_RUNS_NOT, true, false},
	{"warm", "", KIND_RUNS_NOT, true, false},
	{"deliver", "", KIND_RUNS_NOT, true, false},
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
