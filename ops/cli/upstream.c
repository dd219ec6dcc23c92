#include "handlers.h"
#include "listing.h"
#include "operator.h"
#include "output.h"

#include <string.h>

enum { CELL_MAX_BYTES = 4096 };

static const struct column columns[] = {
	{"UPSTREAM", "name", COLUMN_PLAIN},
	{"ADDRESS", "base_url", COLUMN_PLAIN},
	{"DIALECT", "dialect", COLUMN_PLAIN},
	{"MODELS", "models", COLUMN_PLAIN},
	{"KEYS", "key_labels", COLUMN_PLAIN},
	{NULL, NULL, COLUMN_PLAIN},
};

enum outcome upstream_list_run(struct call *call)
{
	return listing_run(call, CLIENT_OPERATOR, "/v1/upstreams", columns);
}

/* ---- one of them, as all workers see it ---- */

enum { FACTS = 10 };

/* What is shown of each thing that an upstream has: a table's heads, and the members below them. */
static const struct section {
	const char *title, *member;
	const char *heads[FACTS + 1], *members[FACTS];
} sections[] = {
	{"breakers, by model", "breakers",
		{"MODEL", "STATE", "UNTIL", "OPENED", "MODE", "MODE UNTIL", "OK", "FAILED", NULL},
		{"model", "state", "until", "opened", "mode", "mode_until", "succeeded", "failed"}},
	{"keys", "keys", {"KEY", "STATE", "UNTIL", "SET ASIDE", "MODE", "REFUSED", NULL},
		{"label", "state", "until", "opened", "mode", "failed"}},
	{"pacing, by model and key", "pacing",
		{"MODEL", "KEY", "REQUESTS LEFT", "A MINUTE", "TOKENS LEFT", "A MINUTE", "CALLS",
			"AT MOST", "WAITING", "RETRIES LEFT", NULL},
		{"model", "key", "requests.level", "requests.per_minute", "tokens.level",
			"tokens.per_minute", "in_flight", "in_flight_limit", "waiting",
			"retries_left"}},
	{"what moved, by model", "breakers", {"MODEL", "AT", "STATE", "WHY", NULL},
		{"model", "at", "state", "reason"}},
};

static void put_cell(struct table *t, const json_t *item, const char *member)
{
	struct buf text;

	buf_init(&text, CELL_MAX_BYTES);
	listing_text(item, member, &text);
	table_cell(t, text.bytes);
	buf_clear(&text);
}

/* A step of the history stands in its own row, behind the name of what moved. */
static void put_history(struct table *t, const json_t *item)
{
	const json_t *step;
	size_t i;

	json_array_foreach(json_object_get(item, "history"), i, step)
	{
		put_cell(t, item, "model");
		put_cell(t, step, "at");
		put_cell(t, step, "state");
		put_cell(t, step, "reason");
	}
}

static enum outcome print_section(
	const struct call *call, const struct section *section, const json_t *upstream)
{
	const json_t *item;
	struct table table;
	enum outcome outcome = OUTCOME_OK;
	size_t i;

	table_init(&table, section->heads);
	json_array_foreach(json_object_get(upstream, section->member), i, item)
	{
		if (strcmp(section->members[1], "at") == 0) {
			put_history(&table, item);
			continue;
		}
		for (size_t k = 0; section->heads[k]; k++)
			put_cell(&table, item, section->members[k]);
	}
	if (table.n > 0) {
		fprintf(call->out, "\n%s\n", section->title);
		outcome = table_print(call, &table);
	}
	table_clear(&table);
	return outcome;
}

static enum outcome print_upstream(const struct call *call, const json_t *upstream)
{
	enum outcome outcome = OUTCOME_OK;

	fprintf(call->out, "%s at %s\n", json_string_value(json_object_get(upstream, "name")),
		json_string_value(json_object_get(upstream, "base_url")));
	if (!json_is_true(json_object_get(upstream, "shared")))
		fprintf(call->out,
			"no Redis, or it is away: each worker goes by what it sees itself\n");
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]) && !outcome; i++)
		outcome = print_section(call, &sections[i], upstream);
	return outcome;
}

static const json_t *find(const json_t *list, const char *name)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(list, "data"), i, item)
	{
		const char *has = json_string_value(json_object_get(item, "name"));

		if (has && strcmp(has, name) == 0)
			return item;
	}
	return NULL;
}

enum outcome upstream_show_run(struct call *call)
{
	struct operator_call ask = {
		.method = "GET", .before = "/v1/upstreams", .name = "", .after = ""};
	json_t *list = NULL;
	const json_t *upstream;
	enum outcome outcome = operator_ask(call, &ask, &list);

	if (outcome != OUTCOME_OK)
		return outcome;
	upstream = find(list, call->arguments[0]);
	if (!upstream)
		outcome = call_fail(call, OUTCOME_NOT_FOUND, "there is no upstream called %s",
			call->arguments[0]);
	else if (call_flag(call, "json"))
		outcome = output_json(call, upstream);
	else
		outcome = print_upstream(call, upstream);
	json_decref(list);
	return outcome;
}

/* ---- a word of the operator's ---- */

static void tell_word(const struct call *call, const json_t *reply, const char *done)
{
	const char *until = json_string_value(json_object_get(reply, "until"));

	if (call_flag(call, "json")) {
		(void)output_json(call, reply);
		return;
	}
	fprintf(call->out, "%s %s of upstream %s %s%s%s\n",
		call_flag(call, "label") ? "key" : "model", call->arguments[1], call->arguments[0],
		done, until ? " until " : "", until ? until : "");
}

/* Two names in one path: the first is the part before the second. */
static enum outcome set(struct call *call, const char *mode, const char *done)
{
	const bool key = call_flag(call, "label");
	struct operator_call ask = {
		.method = "PUT", .name = call->arguments[1], .after = "/breaker"};
	struct buf before;
	json_t *reply = NULL;
	enum outcome outcome;

	buf_init(&before, CELL_MAX_BYTES);
	(void)buf_text(&before, "/v1/upstreams/");
	client_segment(&before, call->arguments[0]);
	if (buf_text(&before, key ? "/keys/" : "/models/") != ERR_OK) {
		buf_clear(&before);
		return call_usage(call, "the name is too long");
	}
	ask.before = before.bytes;
	ask.body = json_pack("{s:s}", "mode", mode);
	if (strcmp(mode, "auto") != 0)
		json_object_set_new(
			ask.body, "ttl_s", json_integer(call_number(call, "for", 3600)));
	outcome = operator_ask(call, &ask, &reply);
	if (outcome == OUTCOME_OK)
		tell_word(call, reply, done);
	buf_clear(&before);
	json_decref(reply);
	return outcome;
}

enum outcome upstream_block_run(struct call *call)
{
	return set(call, "block", "is not called");
}

enum outcome upstream_allow_run(struct call *call)
{
	return set(call, "allow", "is called, whatever its breaker counts,");
}

enum outcome upstream_auto_run(struct call *call)
{
	return set(call, "auto", "is left to its breaker again");
}
