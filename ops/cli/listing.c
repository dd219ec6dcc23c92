#include "listing.h"

#include "duration.h"
#include "operator.h"
#include "output.h"

#include "ground/clock.h"

#include <string.h>

enum { CELL_MAX_BYTES = 4096, PATH_MAX_BYTES = 16 << 10, MONEY_DECIMALS = 9 };

static const json_t *reach(const json_t *item, const char *member)
{
	while (item && *member) {
		size_t n = strcspn(member, ".");
		char name[64];

		snprintf(name, sizeof(name), "%.*s", (int)n, member);
		item = json_object_get(item, name);
		member += member[n] ? n + 1 : n;
	}
	return item;
}

/* A map of names to names, as an option gives it: "theirs=ours". */
static void put_pairs(const json_t *map, struct buf *out)
{
	const json_t *value;
	const char *name, *comma = "";

	json_object_foreach((json_t *)(uintptr_t)map, name, value)
	{
		if (!json_is_string(value))
			continue;
		buf_printf(out, "%s%s=%s", comma, name, json_string_value(value));
		comma = ", ";
	}
}

static void put_value(const json_t *value, struct buf *out)
{
	const json_t *one;
	size_t i;

	if (json_is_string(value))
		buf_text(out, json_string_value(value));
	else if (json_is_integer(value))
		buf_printf(out, "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		buf_printf(out, "%.15g", json_real_value(value));
	else if (json_is_boolean(value))
		buf_text(out, json_is_true(value) ? "yes" : "no");
	else if (json_is_object(value))
		put_pairs(value, out);
	json_array_foreach(value, i, one)
	{
		if (i > 0)
			buf_text(out, ", ");
		if (!json_is_array(one))
			put_value(one, out);
	}
}

void listing_text(const json_t *item, const char *member, struct buf *out)
{
	put_value(reach(item, member), out);
}

static void age_cell(struct table *table, const char *text)
{
	char age[DURATION_TEXT_MAX];
	int64_t then_ms;

	if (!text || clock_parse(text, &then_ms) != 0) {
		table_cell(table, text);
		return;
	}
	duration_format(clock_record_ms() - then_ms, age);
	table_cell(table, age);
}

static void bytes_cell(struct table *table, const json_t *value)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double bytes = json_number_value(value);
	char text[32];
	size_t unit = 0;

	for (; bytes >= 1024 && unit < sizeof(units) / sizeof(units[0]) - 1; unit++)
		bytes /= 1024;
	snprintf(text, sizeof(text), bytes < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", bytes,
		units[unit]);
	table_cell(table, json_is_number(value) ? text : NULL);
}

/* none: as a zero is told. */
static void limit_cell(struct table *table, const char *text, const char *none)
{
	table_cell(table, text && strcmp(text, "0") == 0 ? none : text);
}

/* The API writes as many decimals as an amount needs. */
static void money_cell(struct table *table, const char *text)
{
	const char *point = text ? strchr(text, '.') : NULL;
	const int decimals = point ? (int)strlen(point + 1) : MONEY_DECIMALS;
	char padded[64];

	snprintf(padded, sizeof(padded), "%s%.*s", text ? text : "",
		decimals < MONEY_DECIMALS ? MONEY_DECIMALS - decimals : 0, "000000000");
	table_cell(table, padded);
}

static void cell(struct table *table, const struct column *column, const json_t *item)
{
	struct buf text;

	buf_init(&text, CELL_MAX_BYTES);
	listing_text(item, column->member, &text);
	if (column->form == COLUMN_AGE)
		age_cell(table, text.bytes);
	else if (column->form == COLUMN_BYTES)
		bytes_cell(table, reach(item, column->member));
	else if (column->form == COLUMN_LIMIT)
		limit_cell(table, text.bytes, NULL);
	else if (column->form == COLUMN_FREE)
		limit_cell(table, text.bytes, "free");
	else if (column->form == COLUMN_MONEY)
		money_cell(table, text.bytes);
	else
		table_cell(table, text.bytes);
	buf_clear(&text);
}

enum outcome listing_table(
	const struct call *call, const struct column *columns, const json_t *items)
{
	const char *heads[TABLE_COLUMNS_MAX + 1] = {NULL};
	struct table table;
	enum outcome outcome;
	const json_t *item;
	size_t i;

	for (i = 0; i < TABLE_COLUMNS_MAX && columns[i].head; i++)
		heads[i] = columns[i].head;
	table_init(&table, heads);
	json_array_foreach(items, i, item)
	{
		for (size_t c = 0; heads[c]; c++)
			cell(&table, &columns[c], item);
	}
	outcome = table_print(call, &table);
	table_clear(&table);
	return outcome;
}

/* Adds limit and cursor where the list's kind of request has them. */
static enum err address(const struct listing *listing, size_t limit, const char *after,
	struct buf *path, json_t **ret_body)
{
	char number[24];

	snprintf(number, sizeof(number), "%zu", limit);
	buf_text(path, listing->path);
	if (!listing->body) {
		client_query(path, "limit", listing->limit < LISTING_ALL ? number : NULL);
		client_query(path, "after", after);
		return buf_err(path);
	}
	*ret_body = json_copy((json_t *)listing->body);
	json_object_set_new(*ret_body, "limit", json_integer((json_int_t)limit));
	if (after)
		json_object_set_new(*ret_body, "after", json_string(after));
	return *ret_body ? buf_err(path) : ERR_NOMEM;
}

static enum outcome fetch_page(struct client *client, const struct listing *listing, size_t limit,
	const char *after, json_t **ret_page)
{
	struct buf path;
	json_t *body = NULL;
	struct reply reply;
	enum outcome outcome;

	buf_init(&path, PATH_MAX_BYTES);
	if (address(listing, limit, after, &path, &body) != ERR_OK) {
		outcome = call_usage(client->call, "the filters are too long");
	} else {
		struct question question = {
			.method = body ? "POST" : "GET", .path = path.bytes, .json = body};

		outcome = client_ask(client, &question, &reply);
		if (outcome == OUTCOME_OK && !json_is_array(json_object_get(reply.json, "data")))
			outcome = call_fail(client->call, OUTCOME_UNAVAILABLE,
				"%s did not answer with a list", client->base);
		if (outcome == OUTCOME_OK)
			*ret_page = json_incref(reply.json);
		reply_clear(&reply);
	}
	json_decref(body);
	buf_clear(&path);
	return outcome;
}

/* Collects pages into *list's data; *list ends as the last page's has_more and next. */
static enum outcome collect(
	struct client *client, const struct listing *listing, json_t *items, json_t **ret_last)
{
	json_t *page = NULL;
	enum outcome outcome;

	do {
		size_t left = listing->limit - json_array_size(items);
		const char *next =
			page ? json_string_value(json_object_get(page, "next")) : listing->after;
		json_t *following = NULL;

		outcome = fetch_page(client, listing, left < LISTING_PAGE ? left : LISTING_PAGE,
			next, &following);
		json_decref(page);
		page = following;
		if (outcome == OUTCOME_OK)
			json_array_extend(items, json_object_get(page, "data"));
	} while (outcome == OUTCOME_OK && json_is_true(json_object_get(page, "has_more")) &&
		 json_is_string(json_object_get(page, "next")) &&
		 json_array_size(items) < listing->limit);
	*ret_last = page;
	return outcome;
}

static enum outcome show(
	const struct call *call, const struct listing *listing, json_t *items, const json_t *last)
{
	bool more = json_is_true(json_object_get(last, "has_more"));
	json_t *next = json_object_get(last, "next");

	if (call_flag(call, "json"))
		return output_json_new(
			call, json_pack("{s:s, s:O, s:b, s:O?}", "object", "list", "data", items,
				      "has_more", (int)more, "next", next));
	if (more && json_is_string(next))
		fprintf(call->err, "there are more: --after %s\n", json_string_value(next));
	return listing_table(call, listing->columns, items);
}

enum outcome listing_show(struct client *client, const struct listing *listing)
{
	json_t *items = json_array();
	json_t *last = NULL;
	enum outcome outcome = collect(client, listing, items, &last);

	if (outcome == OUTCOME_OK)
		outcome = show(client->call, listing, items, last);
	json_decref(last);
	json_decref(items);
	return outcome;
}

enum outcome listing_run(const struct call *call, enum client_side side, const char *path,
	const struct column *columns)
{
	struct listing listing = {.path = path, .columns = columns, .limit = LISTING_ALL};
	struct client client;
	enum outcome outcome = client_open(call, side, &client);

	if (outcome == OUTCOME_OK)
		outcome = listing_show(&client, &listing);
	client_clear(&client);
	return outcome;
}

enum outcome listing_of_tenant(
	const struct call *call, const char *path, const struct column *columns)
{
	struct buf narrowed;
	enum client_side side = CLIENT_OPERATOR;
	enum outcome outcome = operator_side(call, &side);

	if (outcome != OUTCOME_OK)
		return outcome;

	buf_init(&narrowed, 1024);
	buf_text(&narrowed, path);
	client_query(&narrowed, "tenant", call_text(call, "tenant"));
	if (buf_err(&narrowed) == ERR_OK)
		outcome = listing_run(call, side, narrowed.bytes, columns);
	else
		outcome = call_usage(call, "the tenant's name is too long");
	buf_clear(&narrowed);
	return outcome;
}
