#include "config/config.h"

#include "config/key_marks.h"
#include "config/value.h"
#include "config/walk.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONFIG_FILE_MAX = 1024 * 1024 };

static void config_rows_clear(const struct config_section *section, void *base)
{
	for (size_t i = 0; i < section->n; i++)
		config_value_clear(&section->rows[i], base);
}

static void config_list_free(const struct config_section *section, struct config *config)
{
	void *first = config_element(section, config, 0);
	void *element;

	for (size_t i = 0; (element = config_element(section, config, i)) != NULL; i++)
		config_rows_clear(section, element);
	free(first);
}

static void config_free(struct config *config)
{
	const struct config_section *section;

	for (size_t s = 0; (section = config_section_at(s)) != NULL; s++) {
		if (section->list)
			config_list_free(section, config);
		else
			config_rows_clear(section, config);
	}
	key_marks_free(config->key_marks);
	free(config);
}

static enum err config_initial(struct config *config)
{
	const struct config_section *section;
	enum err e = ERR_OK;

	for (size_t s = 0; (section = config_section_at(s)) != NULL; s++) {
		for (size_t i = 0; e == ERR_OK && !section->list && i < section->n; i++)
			e = config_value_initial(&section->rows[i], config);
	}
	return e;
}

enum err config_parse(const char *name, const char *text, size_t len, struct buf *faults,
	struct config **ret_config)
{
	struct config *config = calloc(1, sizeof(*config));
	enum err e;

	if (config == NULL)
		return ERR_NOMEM;
	config->holders = 1;
	e = config_initial(config);
	if (e == ERR_OK)
		e = config_walk(name, text, len, faults, config);
	if (e == ERR_OK)
		*ret_config = config;
	else
		config_free(config);
	return e;
}

static enum err config_read(const char *path, struct buf *text, struct buf *faults)
{
	FILE *file = fopen(path, "re");
	char piece[8192];
	size_t n;
	enum err e = ERR_OK;

	if (file == NULL) {
		buf_printf(faults, "%s: %s\n", path, strerrordesc_np(errno));
		return ERR_CONFIG;
	}
	while ((n = fread(piece, 1, sizeof(piece), file)) > 0)
		buf_append(text, piece, n);
	if (ferror(file) != 0) {
		buf_printf(faults, "%s: cannot be read\n", path);
		e = ERR_CONFIG;
	} else if (buf_err(text) == ERR_TOO_LARGE) {
		buf_printf(faults, "%s: larger than 1 MiB\n", path);
		e = ERR_CONFIG;
	} else {
		e = buf_err(text);
	}
	fclose(file);
	return e;
}

enum err config_load(const char *path, struct buf *faults, struct config **ret_config)
{
	struct buf text;
	enum err e;

	buf_init(&text, CONFIG_FILE_MAX);
	e = config_read(path, &text, faults);
	if (e == ERR_OK)
		e = config_parse(
			path, text.bytes != NULL ? text.bytes : "", text.len, faults, ret_config);
	buf_clear(&text);
	return e;
}

struct config *config_hold(struct config *config)
{
	atomic_fetch_add_explicit(&config->holders, 1, memory_order_relaxed);
	return config;
}

void config_release(struct config *config)
{
	if (config != NULL &&
		atomic_fetch_sub_explicit(&config->holders, 1, memory_order_acq_rel) == 1)
		config_free(config);
}
