#include "access.h"
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

static bool sets_origins(const struct call *call)
{
	return call->n > 1 || call_flag(call, "none");
}

static enum outcome ask_origins(struct call *call, json_t **ret_json)
{
	bool set = sets_origins(call);
	struct operator_call ask = {.method = set ? "PUT" : "GET",
		.before = "/v1/tenants/",
		.name = call->arguments[0],
		.after = "/callback-origins",
		.query = set ? access_dry_query(call) : NULL};
	json_t *origins;

	if (set) {
		origins = json_array();
		for (size_t i = 1; i < call->n; i++)
			json_array_append_new(origins, json_string(call->arguments[i]));
		ask.body = json_pack("{s:o}", "origins", origins);
	}
	return operator_ask(call, &ask, ret_json);
}

static bool is_among(const json_t *list, const json_t *origin)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one) if (json_equal(one, origin)) return true;
	return false;
}

/* Those of one list that are not in the other. */
static void origins_differ(
	const struct call *call, const char *head, const json_t *list, const json_t *other)
{
	json_t *lines = json_array(), *origin;
	size_t i;

	json_array_foreach(list, i, origin) if (!is_among(other, origin))
		json_array_append(lines, origin);
	access_lines_show(call, head, lines);
	json_decref(lines);
}

/* Callbacks to what is lost are refused. */
static void origins_try_show(const struct call *call, const json_t *change)
{
	const json_t *before = json_object_get(change, "before");
	const json_t *after = json_object_get(change, "origins");

	fprintf(call->out, "nothing was changed\n");
	origins_differ(call, "gained", after, before);
	origins_differ(call, "lost", before, after);
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
	if (sets_origins(call) && call_flag(call, "dry-run"))
		return access_dry_show(call, reply, origins_try_show);
	if (call_flag(call, "json"))
		return output_json_new(call, reply);
	if (json_array_size(json_object_get(reply, "origins")) == 0)
		fprintf(call->err, "no origins: every callback is refused\n");
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

static void limit_show(const struct call *call, const char *name, const json_t *limit)
{
	if (json_integer_value(limit) > 0)
		fprintf(call->out, "%-12s %lld\n", name, (long long)json_integer_value(limit));
	else
		fprintf(call->out, "%-12s -\n", name);
}

static void limits_show(const struct call *call, const json_t *reply)
{
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		limit_show(call, limits[i].option, json_object_get(reply, limits[i].member));
}

/* A cap below what stands by lets nothing in. */
static void change_show(const struct call *call, const json_t *change)
{
	const json_int_t most = json_integer_value(json_object_get(change, "max_queued"));
	const json_int_t stand_by = json_integer_value(json_object_get(change, "queued")) +
				    json_integer_value(json_object_get(change, "waiting"));

	fprintf(call->out,
		"nothing was changed: %lld of its jobs are queued or wait, %lld run\nbefore\n",
		(long long)stand_by,
		(long long)json_integer_value(json_object_get(change, "running")));
	limits_show(call, json_object_get(change, "before"));
	fprintf(call->out, "after\n");
	limits_show(call, change);
	if (most > 0 && stand_by >= most)
		fprintf(call->err,
			"warning: its new jobs would be refused until fewer than %lld "
			"are queued or wait\n",
			(long long)most);
}

enum outcome tenant_limits_run(struct call *call)
{
	json_t *body = limits_given(call), *reply = NULL;
	bool set = json_object_size(body) > 0;
	struct operator_call ask = {.method = set ? "PATCH" : "GET",
		.before = "/v1/tenants/",
		.name = call->arguments[0],
		.after = "/limits",
		.query = set ? access_dry_query(call) : NULL,
		.body = set ? body : NULL};
	enum outcome outcome;

	if (!set)
		json_decref(body);
	if (ask.query)
		return access_dry_run(call, &ask, change_show);
	outcome = operator_ask(call, &ask, &reply);
	if (outcome != OUTCOME_OK)
		return outcome;
	if (call_flag(call, "json"))
		return output_json_new(call, reply);
	limits_show(call, reply);
	json_decref(reply);
	return OUTCOME_OK;
}
