/* table.h - the rows (rows.h) as arrays that code can walk.
 *
 * Threads: constants. */
#ifndef CONFIG_TABLE_H
#define CONFIG_TABLE_H

#include "config/config.h"

enum config_type {
	CONFIG_INT,
	CONFIG_BOOL,
	CONFIG_MONEY,
	CONFIG_TEXT,
	CONFIG_PATH,
	CONFIG_SECRET,
	CONFIG_LISTEN,
	CONFIG_URL,
	CONFIG_REDIS,
	CONFIG_LEVEL,
	CONFIG_DIALECT,
	CONFIG_PROTOCOL,
	CONFIG_MECHANISM,
	CONFIG_DATE,
	CONFIG_TEXTS,
	CONFIG_PAIRS,
	CONFIG_NETWORKS,
	CONFIG_INTS,
	CONFIG_TYPES
};

struct config_row {
	const char *name;
	enum config_type type;
	size_t offset; /* in struct config, or in the struct of a list's element */
	const char *initial;
	int64_t min, max;
	const char *unit;
	bool live;
	const char *help;
};

struct config_section {
	const char *name;
	const char *programs;
	const char *help;
	const struct config_row *rows;
	size_t n;
	bool list;  /* a list of maps; the rest is about these */
	bool named; /* its elements are told apart by their first row, else by their place */
	size_t element_size, elements_at, count_at; /* the latter two in struct config */
};

enum { CONFIG_ROWS_MAX = 64 };

/* The i-th section; NULL after the last. */
const struct config_section *config_section_at(size_t i);
const struct config_section *config_section_find(const char *name);
const struct config_row *config_row_find(const struct config_section *section, const char *name);
/* The known name that name was probably meant to be, or NULL. */
const char *config_section_meant(const char *name);
const char *config_row_meant(const struct config_section *section, const char *name);
/* The i-th element of a list; NULL after the last. */
void *config_element(const struct config_section *section, const struct config *config, size_t i);
/* Does program ("worker") read this section? */
bool config_section_of(const struct config_section *section, const char *program);

#endif
