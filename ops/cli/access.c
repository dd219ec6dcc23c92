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
	if (outcome == OUTCOME_REFUSED && access_side(call) == CLIENT_JOBS)
		fprintf(call->err, "  an operator says --tenant NAME\n");
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
