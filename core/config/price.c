#include "config/price.h"

#include "ground/clock.h"

#include <fnmatch.h>
#include <string.h>

enum { DAY_LEN = 10 };

static void day_of(int64_t now_ms, char day[CLOCK_TEXT_MAX])
{
	clock_format(now_ms, day);
	day[DAY_LEN] = '\0';
}

static bool price_fits(
	const struct config_price *price, const char *upstream, const char *model, const char *day)
{
	return (strcmp(price->upstream, "*") == 0 || strcmp(price->upstream, upstream) == 0) &&
	       strcmp(price->from, day) <= 0 &&
	       (*price->until == '\0' || strcmp(day, price->until) < 0) &&
	       fnmatch(price->model, model, 0) == 0;
}

static const struct config_price *price_find(const struct config *config,
	const struct config_upstream *upstream, const char *model, const char *day)
{
	for (size_t i = 0; i < config->prices_n; i++) {
		if (price_fits(&config->prices[i], upstream->name, model, day))
			return &config->prices[i];
	}
	return NULL;
}

struct usage_price config_price(const struct config *config, const struct config_upstream *upstream,
	const char *model, int64_t now_ms)
{
	const struct config_price *price;
	char day[CLOCK_TEXT_MAX];

	day_of(now_ms, day);
	price = price_find(config, upstream, model, day);
	if (price != NULL)
		return (struct usage_price){
			price->input_usd_per_million, price->output_usd_per_million};
	return (struct usage_price){
		upstream->input_usd_per_million, upstream->output_usd_per_million};
}

const char *config_model_name(const struct config_upstream *upstream, const char *model)
{
	const size_t len = strlen(model);

	for (size_t i = 0; i < upstream->model_names.n; i++) {
		const char *pair = upstream->model_names.items[i];

		if (strncmp(pair, model, len) == 0 && pair[len] == '=')
			return pair + len + 1;
	}
	return model;
}

/* ---- notes ---- */

struct noting {
	const char *name, *day;
	const struct config *config;
	struct buf *notes;
};

static void note_model(
	const struct noting *n, const struct config_upstream *upstream, const char *model)
{
	const char *theirs = config_model_name(upstream, model);

	if (upstream->input_usd_per_million != 0 || upstream->output_usd_per_million != 0 ||
		price_find(n->config, upstream, theirs, n->day) != NULL)
		return;
	buf_printf(n->notes,
		"%s:%u:%u: upstreams.%s: no price holds today for %s: it counts as 0\n", n->name,
		upstream->place.line, upstream->place.column, upstream->name, theirs);
}

static void note_upstream(const struct noting *n, const struct config_upstream *upstream)
{
	const struct config *c = n->config;

	for (size_t i = 0; i < upstream->models.n; i++)
		note_model(n, upstream, upstream->models.items[i]);
	for (size_t i = 0; i < c->routes_n; i++) {
		const struct config_texts *names = &c->routes[i].upstreams;

		for (size_t k = 0; k < names->n; k++) {
			if (strcmp(names->items[k], upstream->name) == 0)
				note_model(n, upstream, c->routes[i].model);
		}
	}
}

enum err config_notes(
	const char *name, const struct config *config, int64_t now_ms, struct buf *notes)
{
	char day[CLOCK_TEXT_MAX];
	const struct noting n = {name, day, config, notes};

	day_of(now_ms, day);
	for (size_t i = 0; i < config->upstreams_n; i++)
		note_upstream(&n, &config->upstreams[i]);
	return buf_err(notes);
}
