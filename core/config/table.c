#include "config/table.h"

#include <string.h>

enum { FIXED = false, LIVE = true };

#define CONFIG_ROW_AT(base, type, name, initial, min, max, unit, live, help) \
	{#name, CONFIG_##type, base, initial, min, max, unit, live, help},

#define ROW_IN(section, type, name, ...) \
	CONFIG_ROW_AT(offsetof(struct config, section.name), type, name, __VA_ARGS__)
#define ROW_database(...)	ROW_IN(database, __VA_ARGS__)
#define ROW_kafka(...)		ROW_IN(kafka, __VA_ARGS__)
#define ROW_redis(...)		ROW_IN(redis, __VA_ARGS__)
#define ROW_keys(...)		ROW_IN(keys, __VA_ARGS__)
#define ROW_log(...)		ROW_IN(log, __VA_ARGS__)
#define ROW_limits(...)		ROW_IN(limits, __VA_ARGS__)
#define ROW_retry(...)		ROW_IN(retry, __VA_ARGS__)
#define ROW_producer(...)	ROW_IN(producer, __VA_ARGS__)
#define ROW_request_limits(...) ROW_IN(request_limits, __VA_ARGS__)
#define ROW_worker(...)		ROW_IN(worker, __VA_ARGS__)
#define ROW_scheduler(...)	ROW_IN(scheduler, __VA_ARGS__)
#define ROW_audit(...)		ROW_IN(audit, __VA_ARGS__)
#define ROW_identity(...)	ROW_IN(identity, __VA_ARGS__)
#define ROW_webhook(...)	ROW_IN(webhook, __VA_ARGS__)
#define ROW_breaker(...)	ROW_IN(breaker, __VA_ARGS__)
#define ROW_pacing(...)		ROW_IN(pacing, __VA_ARGS__)

#define ROW_OF(element, type, name, ...) \
	CONFIG_ROW_AT(offsetof(struct config_##element, name), type, name, __VA_ARGS__)
#define ROW_upstreams(...)     ROW_OF(upstream, __VA_ARGS__)
#define ROW_upstream_keys(...) ROW_OF(upstream_key, __VA_ARGS__)
#define ROW_routes(...)	       ROW_OF(route, __VA_ARGS__)
#define ROW_prices(...)	       ROW_OF(price, __VA_ARGS__)

#define SECTION_ROWS(section, rows, programs, help) \
	static const struct config_row rows_##section[] = {rows(ROW_##section)};
CONFIG_SECTIONS(SECTION_ROWS)
#define LIST_ROWS(list, element, rows, programs, help) SECTION_ROWS(list, rows, programs, help)
CONFIG_LISTS(LIST_ROWS)

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))
#define SECTION_FITS(section, rows, programs, help) \
	_Static_assert(COUNT(rows_##section) <= CONFIG_ROWS_MAX, "raise CONFIG_ROWS_MAX");
CONFIG_SECTIONS(SECTION_FITS)

/* The first row of these is unique. */
enum {
	NAMED_upstreams = true,
	NAMED_upstream_keys = false,
	NAMED_routes = true,
	NAMED_prices = false
};

#define SECTION(section, rows, programs, help) \
	{#section, programs, help, rows_##section, COUNT(rows_##section), false, false, 0, 0, 0},
#define LIST(section, element, rows, programs, help)                                             \
	{#section, programs, help, rows_##section, COUNT(rows_##section), true, NAMED_##section, \
		sizeof(struct config_##element), offsetof(struct config, section),               \
		offsetof(struct config, section##_n)},
static const struct config_section sections[] = {CONFIG_SECTIONS(SECTION) CONFIG_LISTS(LIST)};

const struct config_section *config_section_at(size_t i)
{
	return i < COUNT(sections) ? &sections[i] : NULL;
}

const struct config_section *config_section_find(const char *name)
{
	for (size_t i = 0; i < COUNT(sections); i++) {
		if (strcmp(sections[i].name, name) == 0)
			return &sections[i];
	}
	return NULL;
}

const struct config_row *config_row_find(const struct config_section *section, const char *name)
{
	for (size_t i = 0; i < section->n; i++) {
		if (strcmp(section->rows[i].name, name) == 0)
			return &section->rows[i];
	}
	return NULL;
}

enum { MEANT_CHARS = 32, MEANT_DISTANCE = 2 };

/* Levenshtein's distance, by one row of the matrix. */
static size_t config_distance(const char *a, const char *b)
{
	size_t row[MEANT_CHARS + 1];
	size_t n = strlen(b);

	if (strlen(a) > MEANT_CHARS || n > MEANT_CHARS)
		return MEANT_CHARS;
	for (size_t i = 0; i <= n; i++)
		row[i] = i;
	for (size_t k = 0; a[k] != '\0'; k++) {
		size_t diagonal = row[0];

		row[0] = k + 1;
		for (size_t i = 1; i <= n; i++) {
			size_t best = diagonal + (a[k] != b[i - 1]);

			diagonal = row[i];
			if (row[i] + 1 < best)
				best = row[i] + 1;
			if (row[i - 1] + 1 < best)
				best = row[i - 1] + 1;
			row[i] = best;
		}
	}
	return row[n];
}

const char *config_section_meant(const char *name)
{
	for (size_t i = 0; i < COUNT(sections); i++) {
		if (config_distance(name, sections[i].name) <= MEANT_DISTANCE)
			return sections[i].name;
	}
	return NULL;
}

const char *config_row_meant(const struct config_section *section, const char *name)
{
	for (size_t i = 0; i < section->n; i++) {
		if (config_distance(name, section->rows[i].name) <= MEANT_DISTANCE)
			return section->rows[i].name;
	}
	return NULL;
}

void *config_element(const struct config_section *section, const struct config *config, size_t i)
{
	char *const *elements = (void *)((char *)config + section->elements_at);
	const size_t *n = (const void *)((const char *)config + section->count_at);

	return i < *n ? *elements + i * section->element_size : NULL;
}

bool config_section_of(const struct config_section *section, const char *program)
{
	size_t n = strlen(program);

	for (const char *at = section->programs; (at = strstr(at, program)) != NULL; at += n) {
		if ((at == section->programs || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
			return true;
	}
	return false;
}
