#include "config/walk.h"

#include "config/check.h"
#include "config/fault_lines.h"
#include "config/value.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { WALK_FAULTS_MAX = 50, WALK_LIST_MAX = 1000, WALK_EXPECTED_MAX = 400 };

struct walk {
	const char *name;
	yaml_document_t *doc;
	struct buf *faults;
	struct config *config;
	size_t n;	/* faults so far */
	size_t unknown; /* of them, keys that nobody reads: the rest may still be judged */
	bool out_of_memory;
};

/* Where a map's keys belong: a section, and the struct its rows write to. */
struct walk_map {
	const struct config_section *section;
	void *base;
	bool seen[CONFIG_ROWS_MAX];
};

static void walk_fault(struct walk *w, const yaml_node_t *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void walk_fault(struct walk *w, const yaml_node_t *at, const char *format, ...)
{
	char text[1024];
	va_list args;

	if (++w->n > WALK_FAULTS_MAX)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	buf_printf(w->faults, "%s:%zu:%zu: %s\n", w->name, at != NULL ? at->start_mark.line + 1 : 1,
		at != NULL ? at->start_mark.column + 1 : 1, text);
}

static yaml_node_t *walk_node(struct walk *w, int index)
{
	return yaml_document_get_node(w->doc, index);
}

/* The text of a scalar without NUL; NULL for anything else. */
static const char *walk_text(const yaml_node_t *node)
{
	if (node == NULL || node->type != YAML_SCALAR_NODE ||
		memchr(node->data.scalar.value, '\0', node->data.scalar.length) != NULL)
		return NULL;
	return (const char *)node->data.scalar.value;
}

static bool walk_plain(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* Nothing behind the colon, ~ or null: the initial value. */
static bool walk_null(const yaml_node_t *node)
{
	const char *text = walk_text(node);

	return text != NULL && walk_plain(node) &&
	       (*text == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static void walk_misfit(struct walk *w, const struct walk_map *map, const struct config_row *row,
	const yaml_node_t *at, enum err e)
{
	struct buf expected;

	if (e == ERR_NOMEM)
		w->out_of_memory = true;
	if (e != ERR_CONFIG)
		return;
	buf_init(&expected, WALK_EXPECTED_MAX);
	config_value_expected(row, &expected);
	walk_fault(w, at, "%s.%s: expected %s", map->section->name, row->name,
		expected.bytes != NULL ? expected.bytes : "another value");
	buf_clear(&expected);
}

static void walk_list(struct walk *w, const struct walk_map *map, const struct config_row *row,
	const yaml_node_t *node)
{
	if (node->type != YAML_SEQUENCE_NODE) {
		walk_misfit(w, map, row, node, ERR_CONFIG);
		return;
	}
	config_value_clear(row, map->base);
	for (yaml_node_item_t *item = node->data.sequence.items.start;
		item < node->data.sequence.items.top; item++) {
		const yaml_node_t *element = walk_node(w, *item);
		const char *text = walk_text(element);
		enum err e = text != NULL ? config_value_add(row, map->base, text) : ERR_CONFIG;

		walk_misfit(w, map, row, element, e);
	}
	if (!config_value_counted(row, map->base))
		walk_misfit(w, map, row, node, ERR_CONFIG);
}

static void walk_value(struct walk *w, const struct walk_map *map, const struct config_row *row,
	const yaml_node_t *node)
{
	const char *text = walk_text(node);
	enum err e = ERR_CONFIG;

	if (config_value_is_list(row)) {
		walk_list(w, map, row, node);
		return;
	}
	if (text != NULL)
		e = config_value_set(row, map->base, text, walk_plain(node));
	walk_misfit(w, map, row, node, e);
}

static void walk_unknown(struct walk *w, const yaml_node_t *at, const char *name, const char *meant)
{
	w->unknown++;
	if (meant != NULL)
		walk_fault(w, at, "unknown key; did you mean %s?", meant);
	else
		walk_fault(w, at, "unknown key%s%.64s", name != NULL ? ": " : "",
			name != NULL ? name : "");
}

static void walk_pair(struct walk *w, struct walk_map *map, const yaml_node_pair_t *pair)
{
	const yaml_node_t *key = walk_node(w, pair->key);
	const yaml_node_t *value = walk_node(w, pair->value);
	const char *name = walk_text(key);
	const struct config_row *row = name != NULL ? config_row_find(map->section, name) : NULL;
	bool *seen;

	if (row == NULL) {
		walk_unknown(
			w, key, name, name != NULL ? config_row_meant(map->section, name) : NULL);
		return;
	}
	seen = &map->seen[row - map->section->rows];
	if (*seen)
		walk_fault(w, key, "%s.%s: expected once", map->section->name, row->name);
	else if (!walk_null(value)) {
		*seen = true;
		walk_value(w, map, row, value);
	}
}

/* at: where a missing key is reported. */
static void walk_required(struct walk *w, const struct walk_map *map, const yaml_node_t *at)
{
	for (size_t i = 0; i < map->section->n; i++) {
		if (map->section->rows[i].initial == NULL && !map->seen[i])
			walk_fault(w, at, "%s.%s: is missing: %s", map->section->name,
				map->section->rows[i].name, map->section->rows[i].help);
	}
}

/* node may be NULL or null: an absent section. */
static void walk_map(struct walk *w, struct walk_map *map, const yaml_node_t *node)
{
	if (node != NULL && node->type == YAML_MAPPING_NODE) {
		for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
			pair < node->data.mapping.pairs.top; pair++)
			walk_pair(w, map, pair);
	} else if (node != NULL && !walk_null(node)) {
		walk_fault(w, node, "%s: expected a map of keys", map->section->name);
		return;
	}
	walk_required(w, map, node);
}

static void walk_element(struct walk *w, const struct config_section *section,
	const yaml_node_t *node, void *element)
{
	struct walk_map map = {.section = section, .base = element};
	struct config_place *place = element;

	*place = (struct config_place){
		(unsigned)node->start_mark.line + 1, (unsigned)node->start_mark.column + 1};
	for (size_t i = 0; i < section->n; i++) {
		if (config_value_initial(&section->rows[i], element) != ERR_OK)
			w->out_of_memory = true;
	}
	if (node->type != YAML_MAPPING_NODE)
		walk_fault(w, node, "%s: expected a map of keys for each", section->name);
	else if (!w->out_of_memory)
		walk_map(w, &map, node);
}

/* Room for a list's elements; an empty list has none. */
static bool walk_list_new(struct walk *w, const struct config_section *section, size_t n)
{
	void **elements = (void *)((char *)w->config + section->elements_at);
	size_t *count = (void *)((char *)w->config + section->count_at);

	if (n == 0)
		return false;
	*elements = calloc(n, section->element_size);
	if (*elements == NULL) {
		w->out_of_memory = true;
		return false;
	}
	*count = n;
	return true;
}

static void walk_maps(struct walk *w, const struct config_section *section, const yaml_node_t *node)
{
	const yaml_node_item_t *items;
	size_t n;

	if (node == NULL || walk_null(node))
		return;
	if (node->type != YAML_SEQUENCE_NODE) {
		walk_fault(w, node, "%s: expected a list of maps", section->name);
		return;
	}
	items = node->data.sequence.items.start;
	n = (size_t)(node->data.sequence.items.top - items);
	if (n > WALK_LIST_MAX) {
		walk_fault(w, node, "%s: expected at most %d", section->name, WALK_LIST_MAX);
		return;
	}
	if (!walk_list_new(w, section, n))
		return;
	for (size_t i = 0; i < n; i++)
		walk_element(
			w, section, walk_node(w, items[i]), config_element(section, w->config, i));
}

/* The value of a section in the root, NULL when absent. A second one is a mistake. */
static const yaml_node_t *walk_section_node(
	struct walk *w, const yaml_node_t *root, const struct config_section *section)
{
	const yaml_node_t *found = NULL;

	if (root == NULL || root->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *pair = root->data.mapping.pairs.start;
		pair < root->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = walk_node(w, pair->key);
		const char *name = walk_text(key);

		if (name == NULL || strcmp(name, section->name) != 0)
			continue;
		if (found != NULL)
			walk_fault(w, key, "%s: expected once", section->name);
		found = walk_node(w, pair->value);
	}
	return found;
}

static void walk_unknown_sections(struct walk *w, const yaml_node_t *root)
{
	for (yaml_node_pair_t *pair = root->data.mapping.pairs.start;
		pair < root->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = walk_node(w, pair->key);
		const char *name = walk_text(key);

		if (name == NULL || config_section_find(name) == NULL)
			walk_unknown(
				w, key, name, name != NULL ? config_section_meant(name) : NULL);
	}
}

static void walk_document(struct walk *w)
{
	const yaml_node_t *root = yaml_document_get_root_node(w->doc);
	const struct config_section *section;

	if (root != NULL && root->type == YAML_MAPPING_NODE)
		walk_unknown_sections(w, root);
	else if (root != NULL && !walk_null(root))
		walk_fault(w, root, "expected a map of sections");
	for (size_t i = 0; (section = config_section_at(i)) != NULL && !w->out_of_memory; i++) {
		const yaml_node_t *node = walk_section_node(w, root, section);
		struct walk_map map = {.section = section, .base = w->config};

		if (section->list)
			walk_maps(w, section, node);
		else
			walk_map(w, &map, node);
	}
}

static enum err walk_parse_fault(struct walk *w, const yaml_parser_t *parser)
{
	if (parser->error == YAML_MEMORY_ERROR)
		return ERR_NOMEM;
	buf_printf(w->faults, "%s:%zu:%zu: not YAML: %s%s%s\n", w->name,
		parser->problem_mark.line + 1, parser->problem_mark.column + 1,
		parser->context != NULL ? parser->context : "", parser->context != NULL ? ", " : "",
		parser->problem != NULL ? parser->problem : "malformed");
	return ERR_CONFIG;
}

/* A file holds one document: a second one would be silently ignored. */
static enum err walk_end(struct walk *w, yaml_parser_t *parser)
{
	yaml_document_t next;

	if (!yaml_parser_load(parser, &next))
		return walk_parse_fault(w, parser);
	if (yaml_document_get_root_node(&next) != NULL)
		walk_fault(w, yaml_document_get_root_node(&next), "expected a single document");
	yaml_document_delete(&next);
	return ERR_OK;
}

/* The value behind a key, else the map itself: a misfit with an initial value has no line. */
static const yaml_node_t *walk_member(struct walk *w, const yaml_node_t *map, const char *name)
{
	if (map == NULL || map->type != YAML_MAPPING_NODE)
		return map;
	for (yaml_node_pair_t *pair = map->data.mapping.pairs.start;
		pair < map->data.mapping.pairs.top; pair++) {
		const char *key = walk_text(walk_node(w, pair->key));

		if (key != NULL && strcmp(key, name) == 0)
			return walk_node(w, pair->value);
	}
	return map;
}

static void walk_tell_misfit(void *ctx, const struct config_misfit *misfit)
{
	struct walk *w = ctx;
	const yaml_node_t *at = yaml_document_get_root_node(w->doc);

	at = walk_member(w, at, misfit->section);
	if (at != NULL && at->type == YAML_SEQUENCE_NODE)
		at = walk_node(w, at->data.sequence.items.start[misfit->index]);
	at = walk_member(w, at, misfit->row);
	walk_fault(w, at, "%s.%s: %s", misfit->section, misfit->row, misfit->expected);
}

static enum err walk_outcome(const struct walk *w)
{
	if (w->out_of_memory)
		return ERR_NOMEM;
	if (w->n > WALK_FAULTS_MAX)
		buf_printf(w->faults, "%s: and %zu more\n", w->name, w->n - WALK_FAULTS_MAX);
	return w->n == 0 ? ERR_OK : ERR_CONFIG;
}

enum err config_walk(
	const char *name, const char *text, size_t len, struct buf *faults, struct config *config)
{
	yaml_document_t doc;
	struct walk w = {.name = name, .doc = &doc, .faults = faults, .config = config};
	const size_t from = faults->len;
	yaml_parser_t parser;
	enum err e = ERR_OK;

	if (!yaml_parser_initialize(&parser))
		return ERR_NOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	if (!yaml_parser_load(&parser, &doc)) {
		e = walk_parse_fault(&w, &parser);
	} else {
		walk_document(&w);
		if (yaml_document_get_root_node(&doc) != NULL)
			e = walk_end(&w, &parser);
		if (e == ERR_OK && w.n == w.unknown && !w.out_of_memory)
			config_check_fit(config, walk_tell_misfit, &w);
		yaml_document_delete(&doc);
	}
	yaml_parser_delete(&parser);
	if (e == ERR_OK)
		e = fault_lines_sort(faults, from, strlen(name));
	return e != ERR_OK ? e : walk_outcome(&w);
}
