#include "access.h"
#include "handlers.h"
#include "listing.h"
#include "output.h"

static const struct column columns[] = {
	{"USER", "name", COLUMN_PLAIN},
	{"ID", "id", COLUMN_PLAIN},
	{"ROLES", "roles", COLUMN_PLAIN},
	{"AGE", "created_at", COLUMN_AGE},
	{"DISABLED", "disabled_at", COLUMN_AGE},
	{NULL, NULL, COLUMN_PLAIN},
};

enum outcome user_list_run(struct call *call)
{
	return access_list_run(call, "/users", columns);
}

static json_t *user_body(const struct call *call)
{
	json_t *body = json_object();

	if (call->n > 1 || call_flag(call, "none"))
		json_object_set_new(body, "roles", access_words(call, 1));
	if (call_flag(call, "disable") || call_flag(call, "enable"))
		json_object_set_new(body, "disabled", json_boolean(call_flag(call, "disable")));
	return body;
}

static bool would_disable(const json_t *change)
{
	return json_is_true(json_object_get(json_object_get(change, "after"), "disabled"));
}

/* What it would gain and lose, and what acts for it. */
static void change_show(const struct call *call, const json_t *change)
{
	access_shut_out_show(call, change, would_disable(change) ? "would stop" : "act for it");
	access_lines_show(call, "gained", json_object_get(change, "gained"));
	access_lines_show(call, "lost", json_object_get(change, "lost"));
}

static enum outcome user_set(struct call *call)
{
	struct access_ask ask = {.method = "PUT",
		.before = "/users/",
		.name = call->arguments[0],
		.after = "",
		.query = access_dry_query(call),
		.body = user_body(call)};
	json_t *user = NULL;
	enum outcome outcome = access_ask(call, &ask, &user);

	if (outcome != OUTCOME_OK)
		return outcome;
	if (call_flag(call, "dry-run"))
		return access_dry_show(call, user, change_show);
	if (call_flag(call, "json"))
		return output_json_new(call, user);
	fprintf(call->out, "user %s is set\n", call->arguments[0]);
	json_decref(user);
	return OUTCOME_OK;
}

enum outcome user_set_run(struct call *call)
{
	if (call->n > 1 && call_flag(call, "none"))
		return call_usage(call, "--none goes with no roles");
	if (call_flag(call, "disable") && call_flag(call, "enable"))
		return call_usage(call, "--disable and --enable say the opposite");
	return user_set(call);
}
