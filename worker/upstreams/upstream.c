#include "upstreams/upstream.h"

#include "config/price.h"
#include "domain/upstream_dialect.h"
#include "ground/digest.h"
#include "ground/log.h"
#include "ground/secret.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHY_MAX = 1024, PLACE_MAX = 4200 };

/* ---- keys ---- */

static void header_free(char *header)
{
	if (header)
		digest_wipe(header, strlen(header));
	free(header);
}

static void key_release(struct upstream_key *key)
{
	if (--key->holders)
		return;
	header_free(key->header);
	free(key->label);
	free(key);
}

static void upstream_release(struct upstream *up)
{
	if (!up || --up->holders)
		return;
	for (size_t i = 0; i < up->keys_n; i++)
		key_release(up->keys[i]);
	free(up->keys);
	free(up->name);
	config_release(up->held);
	free(up);
}

struct upstream_key *upstream_key_hold(struct upstream_key *key)
{
	key->holders++;
	key->upstream->holders++;
	return key;
}

void upstream_key_release(struct upstream_key *key)
{
	struct upstream *up = key ? key->upstream : NULL;

	if (!key)
		return;
	key_release(key);
	upstream_release(up);
}

/* A key that a file names. */
struct key_source {
	const char *label, *file; /* file "" = no key is sent */
	struct config_place place;
};

static enum err header_read(const struct upstream *up, const struct key_source *source,
	const char *path, char **ret_header)
{
	const struct upstream_dialect *dialect = upstream_dialect_find(up->config->dialect);
	struct secret key;
	struct buf why;
	char place[PLACE_MAX];
	enum err e;

	if (!*source->file)
		return ERR_OK;
	buf_init(&why, WHY_MAX);
	e = secret_read(source->file, &why, &key);
	if (e) {
		snprintf(place, sizeof(place), "%s:%u:%u", path, source->place.line,
			source->place.column);
		log_error("an upstream's key cannot be read", LOG_TEXT("at", place),
			LOG_TEXT("upstream", up->name), LOG_TEXT("key", source->label),
			LOG_TEXT("why", why.bytes ? why.bytes : ""), LOG_ERR(e));
	} else if (asprintf(ret_header, "%s%s", dialect->key_header, key.bytes) < 0) {
		*ret_header = NULL;
		secret_clear(&key);
		e = ERR_NOMEM;
	} else {
		secret_clear(&key);
	}
	buf_clear(&why);
	return e;
}

static enum err key_add(struct upstream *up, const struct key_source *source, const char *path)
{
	struct upstream_key **keys = realloc(up->keys, (up->keys_n + 1) * sizeof(*keys));
	struct upstream_key *key;
	enum err e;

	if (!keys)
		return ERR_NOMEM;
	up->keys = keys;
	key = calloc(1, sizeof(*key));
	if (!key)
		return ERR_NOMEM;
	*key = (struct upstream_key){.upstream = up, .label = strdup(source->label), .holders = 1};
	e = key->label ? header_read(up, source, path, &key->header) : ERR_NOMEM;
	if (e)
		key_release(key);
	else
		keys[up->keys_n++] = key;
	return e;
}

/* The rows of upstream_keys that name it; else the one key of its own row, or none. */
static enum err keys_read(struct upstream *up, const struct config *config, const char *path)
{
	const struct key_source own = {
		CONFIG_KEY_LABEL, up->config->api_key_file, up->config->place};
	enum err e = ERR_OK;

	for (size_t i = 0; i < config->upstream_keys_n && !e; i++) {
		const struct config_upstream_key *row = &config->upstream_keys[i];
		const struct key_source source = {row->label, row->file, row->place};

		if (strcmp(row->upstream, up->name) == 0)
			e = key_add(up, &source, path);
	}
	return e || up->keys_n ? e : key_add(up, &own, path);
}

/* ---- the list ---- */

static enum err upstream_new(struct config *config, const struct config_upstream *row,
	const char *path, struct upstream **ret_upstream)
{
	struct upstream *up = calloc(1, sizeof(*up));
	enum err e;

	if (!up)
		return ERR_NOMEM;
	*up = (struct upstream){.name = strdup(row->name),
		.config = row,
		.held = config_hold(config),
		.holders = 1};
	e = up->name ? keys_read(up, config, path) : ERR_NOMEM;
	if (e)
		upstream_release(up);
	else
		*ret_upstream = up;
	return e;
}

static void list_free(struct upstream **list, size_t n)
{
	for (size_t i = 0; list && i < n; i++)
		upstream_release(list[i]);
	free(list);
}

static enum err list_new(struct config *config, const char *path, struct upstream ***ret_list)
{
	struct upstream **list = calloc(config->upstreams_n + 1, sizeof(*list));

	if (!list)
		return ERR_NOMEM;
	for (size_t i = 0; i < config->upstreams_n; i++) {
		enum err e = upstream_new(config, &config->upstreams[i], path, &list[i]);

		if (e) {
			list_free(list, i);
			return e;
		}
	}
	*ret_list = list;
	return ERR_OK;
}

enum err upstreams_new(struct config *config, const char *path, struct upstreams **ret_upstreams)
{
	struct upstreams *u = calloc(1, sizeof(*u));
	enum err e;

	if (!u)
		return ERR_NOMEM;
	e = list_new(config, path, &u->list);
	if (e) {
		free(u);
		return e;
	}
	u->n = config->upstreams_n;
	u->config = config_hold(config);
	*ret_upstreams = u;
	return ERR_OK;
}

void upstreams_free(struct upstreams *u)
{
	if (!u)
		return;
	list_free(u->list, u->n);
	config_release(u->config);
	free(u);
}

/* ---- a reload ---- */

#define SWAP(type, a, b)             \
	do {                         \
		type swapped_ = (a); \
		(a) = (b);           \
		(b) = swapped_;      \
	} while (0)

/* Where both have a key of this label, the old object takes the new one's place, with what the new
 * one sends. */
static void keys_adopt(struct upstream *old, struct upstream *fresh)
{
	for (size_t i = 0; i < fresh->keys_n; i++) {
		for (size_t k = 0; k < old->keys_n; k++) {
			if (strcmp(fresh->keys[i]->label, old->keys[k]->label) != 0)
				continue;
			SWAP(char *, fresh->keys[i]->header, old->keys[k]->header);
			SWAP(struct upstream_key *, fresh->keys[i], old->keys[k]);
			break;
		}
	}
}

/* old becomes what fresh is, and fresh is left with what went. Nothing here can fail. */
static void upstream_adopt(struct upstream *old, struct upstream *fresh)
{
	keys_adopt(old, fresh);
	SWAP(const struct config_upstream *, old->config, fresh->config);
	SWAP(struct config *, old->held, fresh->held);
	SWAP(struct upstream_key **, old->keys, fresh->keys);
	SWAP(size_t, old->keys_n, fresh->keys_n);
	for (size_t i = 0; i < old->keys_n; i++)
		old->keys[i]->upstream = old;
}

static struct upstream **upstream_of(const struct upstreams *u, const char *name)
{
	for (size_t i = 0; i < u->n; i++)
		if (strcmp(u->list[i]->name, name) == 0)
			return &u->list[i];
	return NULL;
}

enum err upstreams_reload(struct upstreams *u, struct config *config, const char *path)
{
	struct upstream **list, **old;
	enum err e = list_new(config, path, &list);

	if (e)
		return e;
	for (size_t i = 0; i < config->upstreams_n; i++) {
		old = upstream_of(u, list[i]->name);
		if (!old)
			continue;
		upstream_adopt(*old, list[i]);
		SWAP(struct upstream *, *old, list[i]);
	}
	list_free(u->list, u->n);
	u->list = list;
	u->n = config->upstreams_n;
	config_release(u->config);
	u->config = config_hold(config);
	return ERR_OK;
}

/* ---- who serves a model ---- */

static bool serves(const struct config_upstream *row, const char *model)
{
	for (size_t i = 0; i < row->models.n; i++)
		if (fnmatch(row->models.items[i], model, 0) == 0)
			return true;
	return false;
}

/* A number below sum, evenly enough for shares of traffic. */
static int64_t draw(int64_t sum)
{
	uint64_t chance;

	digest_random(&chance, sizeof(chance));
	return sum > 0 ? (int64_t)(chance % (uint64_t)sum) : 0;
}

/* Puts the i-th of n in an order drawn by weight, one place after the other. */
static void shuffle(struct candidate *list, int64_t *weights, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t pick = i;
		int64_t sum = 0, at;

		for (size_t k = i; k < n; k++)
			sum += weights[k];
		at = draw(sum);
		while (pick + 1 < n && at >= weights[pick])
			at -= weights[pick++];
		SWAP(struct candidate, list[i], list[pick]);
		SWAP(int64_t, weights[i], weights[pick]);
	}
}

static size_t routed(struct upstreams *u, const struct config_route *route, const char *model,
	struct candidate *ret, size_t max)
{
	int64_t weights[CANDIDATES_MAX];
	size_t n = 0;

	for (size_t i = 0; i < route->upstreams.n && n < max && n < CANDIDATES_MAX; i++) {
		struct upstream **up = upstream_of(u, route->upstreams.items[i]);

		if (!up)
			continue;
		weights[n] = route->weights.n ? route->weights.items[i] : 0;
		ret[n++] = (struct candidate){*up, config_model_name((*up)->config, model)};
	}
	if (route->weights.n)
		shuffle(ret, weights, n);
	return n;
}

size_t upstreams_candidates(
	struct upstreams *u, const char *model, struct candidate *ret_candidates, size_t max)
{
	const struct config *c = u->config;
	const char *name = model ? model : "";
	size_t n = 0;

	for (size_t i = 0; i < c->routes_n; i++)
		if (fnmatch(c->routes[i].model, name, 0) == 0)
			return routed(u, &c->routes[i], name, ret_candidates, max);
	for (size_t i = 0; i < u->n && n < max; i++) {
		struct upstream *up = u->list[i];

		if (serves(up->config, name))
			ret_candidates[n++] = (struct candidate){
				up, model ? config_model_name(up->config, model) : NULL};
	}
	return n;
}
