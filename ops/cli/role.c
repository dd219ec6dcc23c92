#include "access.h"
#include "handlers.h"
#include "listing.h"
#include "output.h"

#include <string.h>

static const struct column columns[] = {
	{"ROLE", "name", COLUMN_PLAIN},
	{"BUILT IN", "built_in", COLUMN_PLAIN},
	{NULL, NULL, COLUMN_PLAIN},
};

enum outcome role_list_run(struct call *call)
{
	return access_list_run(call, "/roles", columns);
}

static void role_show(const struct call *call, const json_t *role)
{
	access_lines_show(call, "parents", json_object_get(role, "parents"));
	access_lines_show(call, "rules", json_object_get(role, "rules"));
	access_lines_show(call, "may", json_object_get(role, "may_allow"));
}

enum outcome role_show_run(struct call *call)
{
	const struct access_ask ask = {
		.method = "GET", .before = "/roles/", .name = call->arguments[0], .after = ""};
	json_t *role = NULL;
	enum outcome outcome = access_ask(call, &ask, &role);

	if (outcome != OUTCOME_OK)
		return outcome;
	if (call_flag(call, "json"))
		return output_json_new(call, role);
	role_show(call, role);
	json_decref(role);
	return OUTCOME_OK;
}

static void holders_show(const struct call *call, const json_t *change)
{
	const long long users = json_integer_value(json_object_get(change, "users"));
	const long long keys = json_integer_value(json_object_get(change, "keys"));

	fprintf(call->out, "nothing was changed: %lld %s and %lld %s hold it\n", users,
		users == 1 ? "user" : "users", keys, keys == 1 ? "key" : "keys");
}

/* A condition that was meant to restrict. */
static void idle_warn(const struct call *call, const json_t *change)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(change, "idle"), i, one)
		fprintf(call->err, "warning: \"%s\" restricts nothing: %s has \"%s\"\n",
			json_string_value(json_object_get(one, "rule")),
			json_string_value(json_object_get(one, "path")),
			json_string_value(json_object_get(one, "wider")));
}

/* What a change does, or would do, to those who hold the role. */
static enum outcome change_show(const struct call *call, json_t *change, const char *done)
{
	if (call_flag(call, "json"))
		return output_json_new(call, change ? change : json_object());
	if (!change || call_flag(call, "dry-run") == false) {
		fprintf(call->out, "role %s %s\n", call->arguments[0], done);
	} else {
		holders_show(call, change);
		access_lines_show(call, "gained", json_object_get(change, "gained"));
		access_lines_show(call, "lost", json_object_get(change, "lost"));
		access_warn(call, change);
	}
	idle_warn(call, change);
	json_decref(change);
	return OUTCOME_OK;
}

enum outcome role_set_run(struct call *call)
{
	const struct access_ask ask = {.method = "PUT",
		.before = "/roles/",
		.name = call->arguments[0],
		.after = "",
		.query = access_dry_query(call),
		.body = json_pack("{s:o, s:o}", "parents", access_list(call_text(call, "parents")),
			"rules", access_words(call, 1))};
	json_t *change = NULL;
	enum outcome outcome = access_ask(call, &ask, &change);

	return outcome == OUTCOME_OK ? change_show(call, change, "is set") : outcome;
}

enum outcome role_remove_run(struct call *call)
{
	const struct access_ask ask = {.method = "DELETE",
		.before = "/roles/",
		.name = call->arguments[0],
		.after = "",
		.query = access_dry_query(call)};
	json_t *change = NULL;
	enum outcome outcome = access_ask(call, &ask, &change);

	return outcome == OUTCOME_OK ? change_show(call, change, "is removed") : outcome;
}

/* The server moves as many as a request may take; what was moved stays moved. */
static enum outcome move_step(struct call *call, json_t **ret_json)
{
	const struct access_ask ask = {.method = "POST",
		.before = "/roles/",
		.name = call->arguments[0],
		.after = "/move",
		.query = access_dry_query(call),
		.body = json_pack("{s:s}", "to", call->arguments[1])};

	return access_ask(call, &ask, ret_json);
}

enum outcome role_move_run(struct call *call)
{
	long long moved = 0, matched = 0;
	bool more = true;

	while (more) {
		json_t *step = NULL;
		enum outcome outcome = move_step(call, &step);

		if (outcome != OUTCOME_OK)
			return outcome;
		matched += json_integer_value(json_object_get(step, "matched"));
		moved += json_integer_value(json_object_get(step, "changed"));
		more = json_is_true(json_object_get(step, "has_more"));
		json_decref(step);
	}
	if (call_flag(call, "json"))
		return output_json_new(call,
			json_pack("{s:I, s:I, s:b}", "matched", (json_int_t)matched, "changed",
				(json_int_t)moved, "dry_run", call_flag(call, "dry-run")));
	if (call_flag(call, "dry-run"))
		fprintf(call->out, "nothing was changed: %lld users hold it\n", matched);
	else
		fprintf(call->out, "%lld users hold %s instead of %s\n", moved, call->arguments[1],
			call->arguments[0]);
	return OUTCOME_OK;
}
