#include "config/serving.h"

#include "config/price.h"

#include <fnmatch.h>
#include <string.h>

static bool is_routed(const struct config_route *route, const char *upstream)
{
	for (size_t i = 0; i < route->upstreams.n; i++)
		if (strcmp(route->upstreams.items[i], upstream) == 0)
			return true;
	return false;
}

static bool serves(
	const struct config *config, const struct config_upstream *upstream, const char *model)
{
	for (size_t i = 0; i < upstream->models.n; i++)
		if (fnmatch(upstream->models.items[i], model, 0) == 0)
			return true;
	for (size_t i = 0; i < config->routes_n; i++)
		if (is_routed(&config->routes[i], upstream->name) &&
			fnmatch(config->routes[i].model, model, 0) == 0)
			return true;
	return false;
}

static bool is_own_name(const struct config_upstream *upstream, const char *name)
{
	for (size_t i = 0; i < upstream->model_names.n; i++) {
		const char *theirs = strchr(upstream->model_names.items[i], '=');

		if (theirs != NULL && strcmp(theirs + 1, name) == 0)
			return true;
	}
	return false;
}

bool config_serves(const struct config *config, const char *model)
{
	for (size_t i = 0; i < config->upstreams_n; i++)
		if (serves(config, &config->upstreams[i], model))
			return true;
	return false;
}

bool config_may_call(
	const struct config *config, const struct config_upstream *upstream, const char *name)
{
	if (is_own_name(upstream, name))
		return true;
	return !strchr(name, '*') && serves(config, upstream, name) &&
	       strcmp(config_model_name(upstream, name), name) == 0;
}

static void put(struct buf *out, size_t from, const char *pattern)
{
	buf_printf(out, "%s%s", out->len > from ? ", " : "", pattern);
}

static bool is_put(
	const struct config *config, const struct config_upstream *upstream, const char *theirs)
{
	for (size_t i = 0; i < upstream->models.n; i++)
		if (strcmp(config_model_name(upstream, upstream->models.items[i]), theirs) == 0)
			return true;
	for (size_t i = 0; i < config->routes_n; i++)
		if (is_routed(&config->routes[i], upstream->name) &&
			strcmp(config_model_name(upstream, config->routes[i].model), theirs) == 0)
			return true;
	return false;
}

/* Its own names that no pattern shows. */
static void put_own_names(const struct config *config, const struct config_upstream *upstream,
	size_t from, struct buf *out)
{
	for (size_t i = 0; i < upstream->model_names.n; i++) {
		const char *theirs = strchr(upstream->model_names.items[i], '=');

		if (theirs && !is_put(config, upstream, theirs + 1))
			put(out, from, theirs + 1);
	}
}

/* A name of ours that the upstream has another for stands as it is called there. */
static void put_upstream(const struct config *config, const struct config_upstream *upstream,
	size_t from, struct buf *out)
{
	for (size_t i = 0; i < upstream->models.n; i++)
		put(out, from, config_model_name(upstream, upstream->models.items[i]));
	for (size_t i = 0; i < config->routes_n; i++)
		if (is_routed(&config->routes[i], upstream->name))
			put(out, from, config_model_name(upstream, config->routes[i].model));
	put_own_names(config, upstream, from, out);
}

enum err config_served(
	const struct config *config, const struct config_upstream *upstream, struct buf *out)
{
	const size_t from = out->len;

	if (upstream != NULL) {
		put_upstream(config, upstream, from, out);
	} else {
		for (size_t i = 0; i < config->routes_n; i++)
			put(out, from, config->routes[i].model);
		for (size_t i = 0; i < config->upstreams_n; i++)
			for (size_t k = 0; k < config->upstreams[i].models.n; k++)
				put(out, from, config->upstreams[i].models.items[k]);
	}
	if (out->len == from)
		buf_text(out, "none");
	return buf_err(out);
}
