#include "access.h"

#include "handlers.h"
#include "output.h"

#include <string.h>

enum { PATH_MAX_BYTES = 4096, PATIENCE_MS = 30000 };

/* ---- for roles and users alike ---- */

enum client_side access_side(const struct call *call)
{
	return call_text(call, "tenant") ? CLIENT_OPERATOR : CLIENT_JOBS;
}

/* "/v1/roles" or "/v1/tenants/NAME/roles". */
static void path_put(const struct call *call, const char *path, struct buf *out)
{
	const char *tenant = call_text(call, "tenant");

	buf_text(out, "/v1");
	if (tenant) {
		buf_text(out, "/tenants/");
		client_segment(out, tenant);
	}
	buf_text(out, path);
}

static enum outcome ask_with(struct client *client, const struct access_ask *ask, json_t **ret_json)
{
	struct operator_call question = {.method = ask->method,
		.name = ask->name,
		.after = ask->after,
		.query = ask->query,
		.body = ask->body,
		.patience_ms = PATIENCE_MS};
	enum outcome outcome;
	struct buf before;

	buf_init(&before, PATH_MAX_BYTES);
	path_put(client->call, ask->before, &before);
	question.before = before.bytes;
	if (buf_err(&before) == ERR_OK)
		outcome = operator_ask_with(client, &question, ret_json);
	else
		outcome = call_usage(client->call, "the tenant's name is too long");
	buf_clear(&before);
	return outcome;
}

enum outcome access_ask(const struct call *call, const struct access_ask *ask, json_t **ret_json)
{
	struct client client;
	enum outcome outcome = client_open(call, access_side(call), &client);

	if (outcome == OUTCOME_OK)
		outcome = ask_with(&client, ask, ret_json);
	client_clear(&client);
	json_decref(ask->body);
	return outcome;
}

enum outcome access_list_run(struct call *call, const char *path, const struct column *columns)
{
	enum outcome outcome;
	struct buf whole;

	buf_init(&whole, PATH_MAX_BYTES);
	path_put(call, path, &whole);
	if (buf_err(&whole) == ERR_OK)
		outcome = listing_run(call, access_side(call), whole.bytes, columns);
	else
		outcome = call_usage(call, "the tenant's name is too long");
	buf_clear(&whole);
	return outcome;
}

json_t *access_words(const struct call *call, size_t first)
{
	json_t *list = json_array();

	for (size_t i = first; i < call->n; i++)
		json_array_append_new(list, json_string(call->arguments[i]));
	return list;
}

json_t *access_list(const char *words)
{
	json_t *list = json_array();

	while (words && *words) {
		size_t n = strcspn(words, ",");

		if (n)
			json_array_append_new(list, json_stringn(words, n));
		words += n + (words[n] == ',');
	}
	return list;
}

/* ---- dry runs ---- */

const char *access_dry_query(const struct call *call)
{
	return call_flag(call, "dry-run") ? "?dry_run=true" : NULL;
}

void access_lines_show(const struct call *call, const char *head, const json_t *list)
{
	const json_t *line;
	size_t i;

	json_array_foreach(list, i, line)
		fprintf(call->out, "%-8s%s\n", i ? "" : head, json_string_value(line));
}

static const struct {
	const char *member, *one, *many;
} counted[] = {{"keys", "API key", "API keys"}, {"users", "user", "users"},
	{"families", "family of refresh tokens", "families of refresh tokens"}};

void access_warn(const struct call *call, const json_t *change)
{
	if (json_is_true(json_object_get(change, "yourself")))
		fprintf(call->err, "warning: you are among them\n");
}

void access_shut_out_show(const struct call *call, const json_t *change, const char *done)
{
	const char *comma = "";

	fprintf(call->out, "nothing was changed: ");
	for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
		const json_t *number = json_object_get(change, counted[i].member);
		const long long n = (long long)json_integer_value(number);

		if (!json_is_integer(number))
			continue;
		fprintf(call->out, "%s%lld %s", comma, n,
			n == 1 ? counted[i].one : counted[i].many);
		comma = ", ";
	}
	fprintf(call->out, *comma ? " %s\n" : "how many %s is not known\n", done);
	access_warn(call, change);
}

enum outcome access_dry_show(const struct call *call, json_t *change, access_show_fn *show)
{
	enum outcome outcome = OUTCOME_OK;

	if (!json_is_true(json_object_get(change, "dry_run")))
		outcome = call_fail(call, OUTCOME_FAILED,
			"this server is older and knows no dry run of it: IT WAS DONE");
	else if (call_flag(call, "json"))
		outcome = output_json(call, change);
	else
		show(call, change);
	json_decref(change);
	return outcome;
}

enum outcome access_dry_run(
	const struct call *call, const struct operator_call *ask, access_show_fn *show)
{
	json_t *change = NULL;
	enum outcome outcome = operator_ask(call, ask, &change);

	return outcome == OUTCOME_OK ? access_dry_show(call, change, show) : outcome;
}

/* ---- access explain ---- */

/* OBJECT is a job, or says what is known of one: queue=bulk. */
static bool object_put(struct buf *query, const char *object)
{
	static const struct {
		const char *name, *asked; /* rules say cost, the API cost_usd */
	} names[] = {{"owner", "owner"}, {"queue", "queue"}, {"model", "model"},
		{"region", "region"}, {"priority", "priority"}, {"cost", "cost_usd"},
		{"cost_usd", "cost_usd"}};
	const char *value = strchr(object, '=');

	if (!value) {
		client_query(query, "job", object);
		return strncmp(object, "job_", 4) == 0;
	}
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i].name) == (size_t)(value - object) &&
			strncmp(names[i].name, object, strlen(names[i].name)) == 0) {
			client_query(query, names[i].asked, value + 1);
			return true;
		}
	return false;
}

static enum outcome explain_ask(struct call *call, const struct buf *query, json_t **ret_json)
{
	const struct access_ask ask = {.method = "GET",
		.before = "/access/explain",
		.name = "",
		.after = "",
		.query = query->bytes};

	return access_ask(call, &ask, ret_json);
}

static const char *member(const json_t *reply, const char *name)
{
	const char *text = json_string_value(json_object_get(reply, name));

	return text ? text : "";
}

static void explain_show(const struct call *call, const json_t *reply)
{
	bool allowed = json_is_true(json_object_get(reply, "allowed"));

	fprintf(call->out, "%s %s: %s\n", member(reply, "action"),
		allowed ? "is allowed" : "is not allowed", member(reply, "reason"));
	if (*member(reply, "rule"))
		fprintf(call->out, "rule  %s\nrole  %s\n", member(reply, "rule"),
			member(reply, "path"));
}

enum outcome access_explain_run(struct call *call)
{
	const char *who = call->arguments[0];
	json_t *reply = NULL;
	enum outcome outcome = OUTCOME_OK;
	struct buf query;

	buf_init(&query, PATH_MAX_BYTES);
	client_query(&query, strncmp(who, "key_", 4) == 0 ? "key" : "user", who);
	client_query(&query, "action", call->arguments[1]);
	for (size_t i = 2; outcome == OUTCOME_OK && i < call->n; i++)
		if (!object_put(&query, call->arguments[i]))
			outcome = call_usage(call,
				"an object is a job's id, or owner=, queue=, model=, region=, "
				"priority=, cost_usd=");
	if (outcome == OUTCOME_OK)
		outcome = explain_ask(call, &query, &reply);
	buf_clear(&query);
	if (outcome != OUTCOME_OK)
		return outcome;
	if (call_flag(call, "json"))
		return output_json_new(call, reply);
	explain_show(call, reply);
	json_decref(reply);
	return OUTCOME_OK;
}
