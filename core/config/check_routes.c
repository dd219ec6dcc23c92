/* check_routes.c - what rows about upstreams must say of each other. */
#include "config/check.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

enum { EXPECTED_MAX = 200 };

/* Whom to tell. */
struct check {
	const struct config *config;
	config_misfit_fn *tell;
	void *ctx;
};

static void check_tell(const struct check *c, const char *section, const char *row, size_t index,
	const char *expected)
{
	const struct config_misfit misfit = {section, row, index, expected};

	c->tell(c->ctx, &misfit);
}

static const struct config_upstream *upstream_of(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->upstreams_n; i++) {
		if (strcmp(c->upstreams[i].name, name) == 0)
			return &c->upstreams[i];
	}
	return NULL;
}

static bool texts_have(const struct config_texts *texts, const char *text, size_t n)
{
	for (size_t i = 0; i < n && i < texts->n; i++) {
		if (strcmp(texts->items[i], text) == 0)
			return true;
	}
	return false;
}

/* ---- upstreams and their keys ---- */

static bool is_routed(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->routes_n; i++) {
		if (texts_have(&c->routes[i].upstreams, name, SIZE_MAX))
			return true;
	}
	return false;
}

static void check_upstream(const struct check *c, size_t i)
{
	const struct config_upstream *row = &c->config->upstreams[i];

	if (upstream_of(c->config, row->name) != row)
		check_tell(c, "upstreams", "name", i, "expected a name that no other upstream has");
	if (row->models.n == 0 && !is_routed(c->config, row->name))
		check_tell(c, "upstreams", "models", i,
			"expected a model that it serves, or a route that names it");
}

static bool label_is_taken(const struct config *c, size_t at)
{
	const struct config_upstream_key *keys = c->upstream_keys;

	for (size_t i = 0; i < at; i++) {
		if (strcmp(keys[i].upstream, keys[at].upstream) == 0 &&
			strcmp(keys[i].label, keys[at].label) == 0)
			return true;
	}
	return false;
}

static void check_key(const struct check *c, size_t i)
{
	const struct config_upstream *owner =
		upstream_of(c->config, c->config->upstream_keys[i].upstream);

	if (owner == NULL)
		check_tell(c, "upstream_keys", "upstream", i, "expected the name of an upstream");
	else if (*owner->api_key_file != '\0')
		check_tell(c, "upstream_keys", "upstream", i,
			"expected an upstream without an api_key_file of its own");
	if (label_is_taken(c->config, i))
		check_tell(c, "upstream_keys", "label", i,
			"expected a label that no other key of this upstream has");
}

/* ---- routes ---- */

/* Does an earlier pattern take all that a later one would? Only asked of patterns with *. */
static bool covers(const char *earlier, const char *later)
{
	return strcmp(earlier, later) == 0 ||
	       (strpbrk(earlier, "?[\\") == NULL && fnmatch(earlier, later, 0) == 0);
}

static void check_route_model(const struct check *c, size_t at)
{
	const struct config_route *routes = c->config->routes;
	char expected[EXPECTED_MAX];

	for (size_t i = 0; i < at; i++) {
		if (!covers(routes[i].model, routes[at].model))
			continue;
		snprintf(expected, sizeof(expected),
			"expected a model that no earlier route takes; the one in line %u does",
			routes[i].place.line);
		check_tell(c, "routes", "model", at, expected);
		return;
	}
}

static void check_route_upstreams(const struct check *c, size_t at)
{
	const struct config_texts *names = &c->config->routes[at].upstreams;
	char expected[EXPECTED_MAX];

	for (size_t i = 0; i < names->n; i++) {
		const bool twice = texts_have(names, names->items[i], i);

		if (!twice && upstream_of(c->config, names->items[i]) != NULL)
			continue;
		snprintf(expected, sizeof(expected),
			twice ? "expected %.64s once"
			      : "expected names of upstreams; none is called %.64s",
			names->items[i]);
		check_tell(c, "routes", "upstreams", at, expected);
	}
}

static void check_route_weights(const struct check *c, size_t at)
{
	const struct config_route *route = &c->config->routes[at];
	int64_t sum = 0;

	if (route->weights.n == 0)
		return;
	for (size_t i = 0; i < route->weights.n; i++)
		sum += route->weights.items[i];
	if (route->weights.n != route->upstreams.n || sum == 0)
		check_tell(c, "routes", "weights", at,
			"expected one for each of its upstreams, and one above 0");
}

/* ---- prices ---- */

static bool same_price(const struct config_price *a, const struct config_price *b)
{
	return strcmp(a->model, b->model) == 0 && strcmp(a->upstream, b->upstream) == 0;
}

/* Days as texts sort as they follow each other; an empty end is no end. */
static bool ends_before(const struct config_price *a, const char *day)
{
	return *a->until != '\0' && strcmp(a->until, day) <= 0;
}

static bool overlaps(const struct config_price *a, const struct config_price *b)
{
	return !ends_before(a, b->from) && !ends_before(b, a->from);
}

static bool holds_on(const struct config_price *price, const char *day)
{
	return strcmp(price->from, day) <= 0 && !ends_before(price, day);
}

/* The next price of the same model, when a day lies between. */
static const struct config_price *after_gap(
	const struct config *c, const struct config_price *price)
{
	const struct config_price *next = NULL;

	for (size_t i = 0; *price->until != '\0' && i < c->prices_n; i++) {
		const struct config_price *other = &c->prices[i];

		if (!same_price(price, other))
			continue;
		if (holds_on(other, price->until))
			return NULL;
		if (strcmp(other->from, price->until) > 0 &&
			(next == NULL || strcmp(other->from, next->from) < 0))
			next = other;
	}
	return next;
}

static void check_price_days(const struct check *c, size_t at)
{
	const struct config_price *price = &c->config->prices[at];
	const struct config_price *next;
	char expected[EXPECTED_MAX];

	if (*price->until != '\0' && strcmp(price->until, price->from) <= 0) {
		check_tell(c, "prices", "until", at, "expected a day after prices.from");
		return;
	}
	next = after_gap(c->config, price);
	if (next == NULL)
		return;
	snprintf(expected, sizeof(expected),
		"expected a price without a gap: the next one, in line %u, begins on %s",
		next->place.line, next->from);
	check_tell(c, "prices", "until", at, expected);
}

static void check_price_once(const struct check *c, size_t at)
{
	const struct config_price *prices = c->config->prices;
	char expected[EXPECTED_MAX];

	for (size_t i = 0; i < at; i++) {
		if (!same_price(&prices[i], &prices[at]) || !overlaps(&prices[i], &prices[at]))
			continue;
		snprintf(expected, sizeof(expected),
			"expected one price for a day; the one in line %u holds as well",
			prices[i].place.line);
		check_tell(c, "prices", *prices[at].from != '\0' ? "from" : "model", at, expected);
		return;
	}
}

static void check_price(const struct check *c, size_t at)
{
	const char *upstream = c->config->prices[at].upstream;

	if (strcmp(upstream, "*") != 0 && upstream_of(c->config, upstream) == NULL)
		check_tell(c, "prices", "upstream", at, "expected the name of an upstream, or *");
	check_price_days(c, at);
	check_price_once(c, at);
}

void config_check_routes(const struct config *config, config_misfit_fn *tell, void *ctx)
{
	const struct check c = {config, tell, ctx};

	for (size_t i = 0; i < config->upstreams_n; i++)
		check_upstream(&c, i);
	for (size_t i = 0; i < config->upstream_keys_n; i++)
		check_key(&c, i);
	for (size_t i = 0; i < config->routes_n; i++) {
		check_route_model(&c, i);
		check_route_upstreams(&c, i);
		check_route_weights(&c, i);
	}
	for (size_t i = 0; i < config->prices_n; i++)
		check_price(&c, i);
}
