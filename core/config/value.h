/* value.h - one value of the configuration: from text, to text, freed.
 *
 * base is the struct config, or for rows of upstreams the struct config_upstream.
 *
 * Threads: the one that builds the config.  Memory: values own their texts. */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "config/table.h"

bool config_value_is_list(const struct config_row *row);
/* Was it plain in YAML? Numbers and booleans must be: a quoted one is a text.
 *   ERR_CONFIG  it does not fit the row; the former value stays */
MUST_CHECK enum err config_value_set(
	const struct config_row *row, void *base, const char *text, bool plain);
/* Appends one element to a list. */
MUST_CHECK enum err config_value_add(const struct config_row *row, void *base, const char *text);
/* Are there as many elements as the row wants? True for what is no list. */
bool config_value_counted(const struct config_row *row, const void *base);
/* The row's initial value; "" or an empty list where there is none. */
MUST_CHECK enum err config_value_initial(const struct config_row *row, void *base);
void config_value_clear(const struct config_row *row, void *base);

/* As YAML: 5, true, "text", [a, b]. */
enum err config_value_print(const struct config_row *row, const void *base, struct buf *out);
/* "an integer from 1 to 5 (ms)" */
enum err config_value_expected(const struct config_row *row, struct buf *out);
/* "an integer", for tables. */
const char *config_value_type(const struct config_row *row);

#endif
