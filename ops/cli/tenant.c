#include "handlers.h"
#include "listing.h"
#include "operator.h"
#include "output.h"
#include "secret_file.h"

#include <string.h>

static const struct column columns[] = {
	{"TENANT", "name", COLUMN_PLAIN},
	{"ID", "id", COLUMN_PLAIN},
	{"AGE", "created_at", COLUMN_AGE},
	{NULL, NULL, COLUMN_PLAIN},
};

enum outcome tenant_list_run(struct call *call)
{
	return listing_run(call, CLIENT_OPERATOR, "/v1/tenants", columns);
}

static enum outcome create(struct call *call, json_t **ret_json)
{
	struct operator_call ask = {.method = "POST",
		.before = "/v1/tenants",
		.name = "",
		.after = "",
		.body = json_pack("{s:s}", "name", call->arguments[0])};

	return operator_ask(call, &ask, ret_json);
}

/* The secret leaves through its file, or on standard output when that was asked for. */
static enum outcome show(struct call *call, json_t *tenant)
{
	const char *secret = json_string_value(json_object_get(tenant, "webhook_secret"));

	if (call_flag(call, "json")) {
		if (!call_flag(call, "show"))
			json_object_del(tenant, "webhook_secret");
		return output_json(call, tenant);
	}
	fprintf(call->out, "tenant %s is made\n", call->arguments[0]);
	if (call_flag(call, "show"))
		fprintf(call->out, "its webhooks are signed with %s\n",
			secret ? secret : "nothing");
	return OUTCOME_OK;
}

static enum outcome keep_secret(struct call *call, const json_t *tenant, const char *path, int fd)
{
	const char *secret = json_string_value(json_object_get(tenant, "webhook_secret"));

	if (secret)
		return secret_file_fill(call, path, fd, secret);
	secret_file_drop(path, fd);
	return call_fail(call, OUTCOME_FAILED, "the server told no webhook secret");
}

enum outcome tenant_create_run(struct call *call)
{
	const char *path = call_text(call, "webhook-secret-file");
	json_t *tenant = NULL;
	enum outcome outcome = OUTCOME_OK;
	int fd = -1;

	if (!path && !call_flag(call, "show"))
		return call_usage(call, "say where the secret that signs its webhooks goes: "
					"--webhook-secret-file FILE, or --show");
	if (path)
		outcome = secret_file_reserve(call, path, &fd);
	if (outcome != OUTCOME_OK)
		return outcome;
	outcome = create(call, &tenant);
	if (outcome != OUTCOME_OK)
		secret_file_drop(path, fd);
	else if (path)
		outcome = keep_secret(call, tenant, path, fd);
	if (outcome == OUTCOME_OK)
		outcome = show(call, tenant);
	json_decref(tenant);
	return outcome;
}

static enum outcome ask_origins(struct call *call, json_t **ret_json)
{
	bool set = call->n > 1 || call_flag(call, "none");
	struct operator_call ask = {.method = set ? "PUT" : "GET",
		.before = "/v1/tenants/",
		.name = call->arguments[0],
		.after = "/callback-origins"};
	json_t *origins;

	if (set) {
		origins = json_array();
		for (size_t i = 1; i < call->n; i++)
			json_array_append_new(origins, json_string(call->arguments[i]));
		ask.body = json_pack("{s:o}", "origins", origins);
	}
	return operator_ask(call, &ask, ret_json);
}

enum outcome tenant_origins_run(struct call *call)
{
	json_t *reply = NULL;
	const json_t *origin;
	enum outcome outcome;
	size_t i;

	if (call->n > 1 && call_flag(call, "none"))
		return call_usage(call, "--none goes with no origins");
	outcome = ask_origins(call, &reply);
	if (outcome != OUTCOME_OK)
		return outcome;
	if (call_flag(call, "json"))
		return output_json_new(call, reply);
	json_array_foreach(json_object_get(reply, "origins"), i, origin)
	{
		const char *text = json_string_value(origin);

		fprintf(call->out, "%s\n", text ? text : "-");
	}
	json_decref(reply);
	return OUTCOME_OK;
}

static const struct {
	const char *option, *member;
} limits[] = {{"weight", "weight"}, {"max-running", "max_running"}, {"max-queued", "max_queued"}};

static json_t *limits_given(const struct call *call)
{
	json_t *body = json_object();

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (call_text(call, limits[i].option))
			json_object_set_new(body, limits[i].member,
				json_integer(call_number(call, limits[i].option, 0)));
	return body;
}

enum outcome tenant_limits_run(struct call *call)
{
	json_t *body = limits_given(call), *reply = NULL;
	bool set = json_object_size(body) > 0;
	struct operator_call ask = {.method = set ? "PATCH" : "GET",
		.before = "/v1/tenants/",
		.name = call->arguments[0],
		.after = "/limits",
		.body = set ? body : NULL};
	enum outcome outcome;

	if (!set)
		json_decref(body);
	outcome = operator_ask(call, &ask, &reply);
	if (outcome != OUTCOME_OK)
		return outcome;
	if (call_flag(call, "json"))
		return output_json_new(call, reply);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		const json_t *limit = json_object_get(reply, limits[i].member);

		if (json_integer_value(limit) > 0)
			fprintf(call->out, "%-12s %lld\n", limits[i].option,
				(long long)json_integer_value(limit));
		else
			fprintf(call->out, "%-12s -\n", limits[i].option);
	}
	json_decref(reply);
	return OUTCOME_OK;
}
