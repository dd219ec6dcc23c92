#include "config/value.h"

#include "domain/egress.h"
#include "domain/money.h"
#include "domain/upstream_dialect.h"
#include "domain/url.h"
#include "ground/clock.h"
#include "ground/log.h"
#include "ground/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How a value lies in memory: the one thing that freeing, copying and printing depend on. */
enum store { STORE_INT, STORE_MONEY, STORE_BOOL, STORE_TEXT, STORE_TEXTS, STORE_INTS };

/* Elements of an INTS list: seconds up to a year. */
enum { ELEMENT_MAX = 31536000 };

static bool value_any(const char *text)
{
	return utf8_valid(text, strlen(text));
}

static bool value_listen(const char *text)
{
	struct url_listen listen;

	return url_listen_parse(text, &listen);
}

static bool value_url(const char *text)
{
	struct url url;

	return url_parse(text, strlen(text), &url) == NULL;
}

/* redis://host:port with an optional /number; a password has its own file. */
static bool value_redis(const char *text)
{
	static const char prefix[] = "redis://";
	char address[300];
	struct url_listen listen;
	size_t n;

	if (strncmp(text, prefix, sizeof(prefix) - 1) != 0)
		return false;
	text += sizeof(prefix) - 1;
	n = strcspn(text, "/");
	if (n >= sizeof(address) || strspn(text + n, "/0123456789") != strlen(text + n))
		return false;
	memcpy(address, text, n);
	address[n] = '\0';
	return url_listen_parse(address, &listen) && listen.host[0] != '\0';
}

static bool value_level(const char *text)
{
	enum log_level level;

	return log_level_parse(text, &level) == 0;
}

static bool value_dialect(const char *text)
{
	return upstream_dialect_find(text) != NULL;
}

static bool value_protocol(const char *text)
{
	return strcmp(text, "plaintext") == 0 || strcmp(text, "ssl") == 0 ||
	       strcmp(text, "sasl_plaintext") == 0 || strcmp(text, "sasl_ssl") == 0;
}

static bool value_mechanism(const char *text)
{
	return strcmp(text, "PLAIN") == 0 || strcmp(text, "SCRAM-SHA-256") == 0 ||
	       strcmp(text, "SCRAM-SHA-512") == 0;
}

/* 2026-01-31 */
static bool value_date(const char *text)
{
	char moment[32];
	int64_t at_ms;

	snprintf(moment, sizeof(moment), "%.10sT00:00:00Z", text);
	return strlen(text) == 10 && clock_parse(moment, &at_ms) == 0;
}

static bool value_pair(const char *text)
{
	const char *equals = strchr(text, '=');

	return equals != NULL && equals != text && equals[1] != '\0' && value_any(text);
}

static bool value_network(const char *text)
{
	struct egress_net net;

	return egress_net_parse(text, &net);
}

static const struct {
	const char *word;
	enum store store;
	bool (*valid)(
		const char *text); /* of a text or of each element; an empty text is not asked */
} TYPES[CONFIG_TYPES] = {
	[CONFIG_INT] = {"an integer", STORE_INT, NULL},
	[CONFIG_BOOL] = {"true or false", STORE_BOOL, NULL},
	[CONFIG_MONEY] = {"an amount such as 0.15", STORE_MONEY, NULL},
	[CONFIG_TEXT] = {"a text", STORE_TEXT, value_any},
	[CONFIG_PATH] = {"a path", STORE_TEXT, value_any},
	[CONFIG_SECRET] = {"the path of a file that holds a secret", STORE_TEXT, value_any},
	[CONFIG_LISTEN] = {"an address as host:port", STORE_TEXT, value_listen},
	[CONFIG_URL] = {"an http or https URL", STORE_TEXT, value_url},
	[CONFIG_REDIS] = {"redis://host:port without user and password", STORE_TEXT, value_redis},
	[CONFIG_LEVEL] = {"debug, info, warn or error", STORE_TEXT, value_level},
	[CONFIG_DIALECT] = {"openai or anthropic", STORE_TEXT, value_dialect},
	[CONFIG_PROTOCOL] = {"plaintext, ssl, sasl_plaintext or sasl_ssl", STORE_TEXT,
		value_protocol},
	[CONFIG_MECHANISM] = {"PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", STORE_TEXT, value_mechanism},
	[CONFIG_DATE] = {"a day such as 2026-01-31", STORE_TEXT, value_date},
	[CONFIG_TEXTS] = {"a list of texts", STORE_TEXTS, value_any},
	[CONFIG_PAIRS] = {"a list of texts such as ours=theirs", STORE_TEXTS, value_pair},
	[CONFIG_NETWORKS] = {"a list of networks such as 10.1.0.0/16", STORE_TEXTS, value_network},
	[CONFIG_INTS] = {"a list of integers", STORE_INTS, NULL},
};

static void *value_slot(const struct config_row *row, void *base)
{
	return (char *)base + row->offset;
}

static const void *value_peek(const struct config_row *row, const void *base)
{
	return (const char *)base + row->offset;
}

bool config_value_is_list(const struct config_row *row)
{
	return TYPES[row->type].store == STORE_TEXTS || TYPES[row->type].store == STORE_INTS;
}

const char *config_value_type(const struct config_row *row)
{
	return TYPES[row->type].word;
}

static bool value_int(const char *text, int64_t min, int64_t max, int64_t *ret)
{
	const char *digits = *text == '-' ? text + 1 : text;
	long long value;

	if (*digits == '\0' || strspn(digits, "0123456789") != strlen(digits))
		return false;
	errno = 0;
	value = strtoll(text, NULL, 10);
	if (errno != 0 || value < min || value > max)
		return false;
	*ret = value;
	return true;
}

static enum err value_set_int(const struct config_row *row, void *slot, const char *text)
{
	return value_int(text, row->min, row->max, slot) ? ERR_OK : ERR_CONFIG;
}

static enum err value_set_money(const struct config_row *row, void *slot, const char *text)
{
	return money_parse(text, slot) ? ERR_OK : ERR_CONFIG;
}

static enum err value_set_bool(const struct config_row *row, void *slot, const char *text)
{
	bool value = strcmp(text, "true") == 0;

	if (!value && strcmp(text, "false") != 0)
		return ERR_CONFIG;
	*(bool *)slot = value;
	return ERR_OK;
}

static enum err value_set_text(const struct config_row *row, void *slot, const char *text)
{
	size_t len = strlen(text);
	char *copy;

	/* Words of a closed list have no length to check. */
	if (row->max > 0 && ((int64_t)len < row->min || (int64_t)len > row->max))
		return ERR_CONFIG;
	if ((len > 0 || row->max == 0) && !TYPES[row->type].valid(text))
		return ERR_CONFIG;
	copy = strdup(text);
	if (copy == NULL)
		return ERR_NOMEM;
	free(*(char **)slot);
	*(char **)slot = copy;
	return ERR_OK;
}

enum err config_value_set(const struct config_row *row, void *base, const char *text, bool plain)
{
	static enum err (*const setters[])(const struct config_row *, void *, const char *) = {
		[STORE_INT] = value_set_int,
		[STORE_MONEY] = value_set_money,
		[STORE_BOOL] = value_set_bool,
		[STORE_TEXT] = value_set_text,
	};
	enum store store = TYPES[row->type].store;

	if (config_value_is_list(row))
		return ERR_CONFIG;
	if (!plain && (store == STORE_INT || store == STORE_BOOL))
		return ERR_CONFIG;
	return setters[store](row, value_slot(row, base), text);
}

static enum err value_add_text(
	const struct config_row *row, struct config_texts *list, const char *text)
{
	char **items;
	char *copy;

	if (*text == '\0' || !TYPES[row->type].valid(text))
		return ERR_CONFIG;
	items = realloc(list->items, (list->n + 1) * sizeof(*items));
	if (items == NULL)
		return ERR_NOMEM;
	list->items = items;
	copy = strdup(text);
	if (copy == NULL)
		return ERR_NOMEM;
	items[list->n++] = copy;
	return ERR_OK;
}

static enum err value_add_int(struct config_ints *list, const char *text)
{
	int64_t *items;
	int64_t value;

	if (!value_int(text, 0, ELEMENT_MAX, &value))
		return ERR_CONFIG;
	items = realloc(list->items, (list->n + 1) * sizeof(*items));
	if (items == NULL)
		return ERR_NOMEM;
	list->items = items;
	items[list->n++] = value;
	return ERR_OK;
}

enum err config_value_add(const struct config_row *row, void *base, const char *text)
{
	if (TYPES[row->type].store == STORE_INTS)
		return value_add_int(value_slot(row, base), text);
	return value_add_text(row, value_slot(row, base), text);
}

bool config_value_counted(const struct config_row *row, const void *base)
{
	const struct config_texts *texts = value_peek(row, base);
	const struct config_ints *ints = value_peek(row, base);
	int64_t n;

	if (!config_value_is_list(row))
		return true;
	n = (int64_t)(TYPES[row->type].store == STORE_INTS ? ints->n : texts->n);
	return n >= row->min && n <= row->max;
}

/* The initial value of a list: words with spaces between. */
static enum err value_add_words(const struct config_row *row, void *base, const char *words)
{
	char word[64];
	enum err e = ERR_OK;

	while (e == ERR_OK && *words != '\0') {
		size_t n = strcspn(words, " ");

		if (n >= sizeof(word))
			return ERR_CONFIG;
		memcpy(word, words, n);
		word[n] = '\0';
		e = config_value_add(row, base, word);
		words += n;
		words += strspn(words, " ");
	}
	return e;
}

enum err config_value_initial(const struct config_row *row, void *base)
{
	char **text = value_slot(row, base);

	if (row->initial != NULL && config_value_is_list(row))
		return value_add_words(row, base, row->initial);
	if (row->initial != NULL)
		return config_value_set(row, base, row->initial, true);
	if (TYPES[row->type].store != STORE_TEXT)
		return ERR_OK;
	*text = strdup("");
	return *text != NULL ? ERR_OK : ERR_NOMEM;
}

static void value_clear_texts(struct config_texts *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct config_texts){NULL, 0};
}

static void value_clear_ints(struct config_ints *list)
{
	free(list->items);
	*list = (struct config_ints){NULL, 0};
}

void config_value_clear(const struct config_row *row, void *base)
{
	char **text = value_slot(row, base);

	if (TYPES[row->type].store == STORE_TEXTS)
		value_clear_texts(value_slot(row, base));
	if (TYPES[row->type].store == STORE_INTS)
		value_clear_ints(value_slot(row, base));
	if (TYPES[row->type].store == STORE_TEXT) {
		free(*text);
		*text = NULL;
	}
}

static void value_print_int(const void *slot, struct buf *out)
{
	buf_printf(out, "%lld", (long long)*(const int64_t *)slot);
}

static void value_print_money(const void *slot, struct buf *out)
{
	char text[MONEY_TEXT_MAX];

	money_format(*(const int64_t *)slot, text);
	buf_text(out, text);
}

static void value_print_bool(const void *slot, struct buf *out)
{
	buf_text(out, *(const bool *)slot ? "true" : "false");
}

static void value_print_text(const void *slot, struct buf *out)
{
	const char *text = *(char *const *)slot;

	buf_json(out, text, strlen(text));
}

static void value_print_texts(const void *slot, struct buf *out)
{
	const struct config_texts *list = slot;

	buf_char(out, '[');
	for (size_t i = 0; i < list->n; i++) {
		buf_text(out, i > 0 ? ", " : "");
		buf_json(out, list->items[i], strlen(list->items[i]));
	}
	buf_char(out, ']');
}

static void value_print_ints(const void *slot, struct buf *out)
{
	const struct config_ints *list = slot;

	buf_char(out, '[');
	for (size_t i = 0; i < list->n; i++)
		buf_printf(out, "%s%lld", i > 0 ? ", " : "", (long long)list->items[i]);
	buf_char(out, ']');
}

enum err config_value_print(const struct config_row *row, const void *base, struct buf *out)
{
	static void (*const printers[])(const void *, struct buf *) = {
		[STORE_INT] = value_print_int,
		[STORE_MONEY] = value_print_money,
		[STORE_BOOL] = value_print_bool,
		[STORE_TEXT] = value_print_text,
		[STORE_TEXTS] = value_print_texts,
		[STORE_INTS] = value_print_ints,
	};

	printers[TYPES[row->type].store](value_peek(row, base), out);
	return buf_err(out);
}

enum err config_value_expected(const struct config_row *row, struct buf *out)
{
	enum store store = TYPES[row->type].store;
	const char *unit = row->unit;

	buf_text(out, TYPES[row->type].word);
	if (store == STORE_INT)
		buf_printf(out, " from %lld to %lld", (long long)row->min, (long long)row->max);
	else if (config_value_is_list(row))
		buf_printf(out, " with %lld to %lld elements", (long long)row->min,
			(long long)row->max);
	else if (row->type == CONFIG_TEXT && row->min > 0)
		buf_printf(out, " of %lld to %lld bytes", (long long)row->min, (long long)row->max);
	if (*unit != '\0')
		buf_printf(out, " (%s)", unit);
	return buf_err(out);
}
