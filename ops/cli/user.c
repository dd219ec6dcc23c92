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

enum outcome user_set_run(struct call *call)
{
	struct access_ask ask = {
		.method = "PUT", .before = "/users/", .name = call->arguments[0], .after = ""};
	json_t *user = NULL;
	enum outcome outcome;

	if (call->n > 1 && call_flag(call, "none"))
		return call_usage(call, "--none goes with no roles");
	if (call_flag(call, "disable") && call_flag(call, "enable"))
		return call_usage(call, "--disable and --enable say the opposite");
	ask.body = user_body(call);
	outcome = access_ask(call, &ask, &user);
	if (outcome != OUTCOME_OK)
		return outcome;
	if (call_flag(call, "json"))
		return output_json_new(call, user);
	fprintf(call->out, "user %s is set\n", call->arguments[0]);
	json_decref(user);
	return OUTCOME_OK;
}
