#include "access/caller.h"

#include "ground/digest.h"
#include "identity/claims.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct tenant_facts *tenant_facts_hold(struct tenant_facts *facts)
{
	facts->holders++;
	return facts;
}

void tenant_facts_release(struct tenant_facts *facts)
{
	if (!facts || atomic_fetch_sub(&facts->holders, 1) > 1)
		return;
	for (size_t i = 0; i < facts->origins_n; i++)
		free(facts->origins[i]);
	digest_wipe(facts->match_key, sizeof facts->match_key);
	free(facts);
}

struct caller_words *caller_words_new(void)
{
	struct caller_words *words = calloc(1, sizeof *words);

	if (words)
		words->holders = 1;
	return words;
}

static enum err word_add(char **list, size_t *n, const char *text, size_t len)
{
	char *copy = *n < CALLER_WORDS_MAX ? strndup(text, len) : NULL;

	if (!copy)
		return *n < CALLER_WORDS_MAX ? ERR_NOMEM : ERR_TOO_LARGE;
	list[(*n)++] = copy;
	return ERR_OK;
}

enum err caller_scope_add(struct caller_words *words, const char *text, size_t len)
{
	return word_add(words->scopes, &words->scopes_n, text, len);
}

enum err caller_role_add(struct caller_words *words, const char *text, size_t len)
{
	return word_add(words->roles, &words->roles_n, text, len);
}

struct narrowing {
	struct caller_words *words;
	enum err err;
};

static void scope_take(void *ctx, const char *word, size_t len)
{
	struct narrowing *n = ctx;

	if (!n->err)
		n->err = caller_scope_add(n->words, word, len);
}

enum err caller_narrow(struct caller *caller, const char *scopes)
{
	struct narrowing n = {.words = caller_words_new()};

	caller->words = n.words;
	if (!n.words)
		return ERR_NOMEM;
	n.words->is_narrowed = true;
	claims_words(scopes, scope_take, &n);
	return n.err;
}

struct caller_words *caller_words_hold(struct caller_words *words)
{
	words->holders++;
	return words;
}

void caller_words_release(struct caller_words *words)
{
	if (!words || atomic_fetch_sub(&words->holders, 1) > 1)
		return;
	for (size_t i = 0; i < words->scopes_n; i++)
		free(words->scopes[i]);
	for (size_t i = 0; i < words->roles_n; i++)
		free(words->roles[i]);
	free(words);
}

static bool scope_covers(const char *have, const char *want)
{
	const char *colon = strchr(want, ':');
	size_t resource = colon ? (size_t)(colon - want) + 1 : 0;

	return strcmp(have, want) == 0 || (resource && strncmp(have, want, resource) == 0 &&
						  strcmp(have + resource, "*") == 0);
}

bool caller_scope_allows(const struct caller *caller, const char *scope)
{
	const struct caller_words *words = caller->words;

	if (!words || !words->is_narrowed)
		return true;
	for (size_t i = 0; i < words->scopes_n; i++)
		if (scope_covers(words->scopes[i], scope))
			return true;
	return false;
}

bool caller_words_same_roles(const struct caller_words *a, const struct caller_words *b)
{
	const size_t n = a ? a->roles_n : 0;
	bool same = n == (b ? b->roles_n : 0);

	for (size_t i = 0; same && i < n; i++)
		same = strcmp(a->roles[i], b->roles[i]) == 0;
	return same;
}

void caller_copy(struct caller *to, const struct caller *from)
{
	*to = *from;
	to->rights = NULL;
	if (to->facts)
		(void)tenant_facts_hold(to->facts);
	if (to->words)
		(void)caller_words_hold(to->words);
}

void caller_name(const struct caller *caller, char out[ID_TEXT_MAX])
{
	id_format(caller->is_user ? "usr" : "key", caller->principal, out);
}

void caller_clear(struct caller *caller)
{
	tenant_facts_release(caller->facts);
	caller_words_release(caller->words);
	rights_release(caller->rights);
	memset(caller, 0, sizeof *caller);
}
