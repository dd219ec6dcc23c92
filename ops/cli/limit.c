#include "access.h"
#include "domain/request_limit.h"
#include "handlers.h"
#include "listing.h"
#include "operator.h"
#include "output.h"

#include <string.h>

enum { AFTER_MAX = 160, WINDOW_S = 60 };

static const struct column columns[] = {
	{"PLAN", "plan", COLUMN_PLAIN},
	{"LEVEL", "level", COLUMN_PLAIN},
	{"REQUESTS", "requests", COLUMN_FREE},
	{"TOKENS", "tokens", COLUMN_FREE},
	{"WINDOW S", "window_s", COLUMN_PLAIN},
	{"BURST", "burst", COLUMN_PLAIN},
	{NULL, NULL, COLUMN_PLAIN},
};

enum outcome limit_list_run(struct call *call)
{
	return listing_run(call, CLIENT_OPERATOR, "/v1/limits", columns);
}

static bool counts_tokens(const struct call *call)
{
	const char *role;

	return limit_level_is_tokens(limit_level_parse(call->arguments[1], &role));
}

static void limit_show(const struct call *call, const char *head, const json_t *limit)
{
	const char *what = json_object_get(limit, "tokens") ? "tokens" : "requests";

	if (!json_is_object(limit))
		fprintf(call->out, "%-8s nothing\n", head);
	else if (json_integer_value(json_object_get(limit, what)) == 0)
		fprintf(call->out, "%-8s free\n", head);
	else
		fprintf(call->out, "%-8s %lld %s in %lld s, %lld at once\n", head,
			(long long)json_integer_value(json_object_get(limit, what)), what,
			(long long)json_integer_value(json_object_get(limit, "window_s")),
			(long long)json_integer_value(json_object_get(limit, "burst")));
}

static enum outcome change_show(const struct call *call, json_t *change)
{
	const long long tenants = (long long)json_integer_value(json_object_get(change, "tenants"));

	if (call_flag(call, "json"))
		return output_json_new(call, change ? change : json_object());
	limit_show(call, "before", json_object_get(change, "before"));
	limit_show(call, "after", json_object_get(change, "after"));
	if (call_flag(call, "dry-run"))
		fprintf(call->out, "nothing was changed: it would hold for %lld tenants\n",
			tenants);
	else
		fprintf(call->out, "it holds for %lld tenants within %s\n", tenants,
			counts_tokens(call) ? "two seconds" : "a second");
	json_decref(change);
	return OUTCOME_OK;
}

/* One limit is named by two words, and both stand in the path. */
static enum outcome change_run(struct call *call, const char *method, json_t *body)
{
	const char *level = call->arguments[1];
	struct operator_call ask = {.method = method,
		.before = "/v1/limits/",
		.name = call->arguments[0],
		.query = access_dry_query(call)};
	char after[AFTER_MAX];
	json_t *change = NULL;
	enum outcome outcome;
	int n = snprintf(after, sizeof after, "/%s", level);

	if (n >= (int)sizeof after ||
		level[strspn(level, "abcdefghijklmnopqrstuvwxyz0123456789-_.:")] != '\0') {
		json_decref(body);
		return call_usage(call, "LEVEL is user, role:NAME, ip, tenant or global, "
					"tokens, tokens:user, tokens:role:NAME or tokens:global");
	}
	ask.after = after;
	ask.body = body;
	outcome = operator_ask(call, &ask, &change);
	return outcome == OUTCOME_OK ? change_show(call, change) : outcome;
}

enum outcome limit_set_run(struct call *call)
{
	const bool tokens = counts_tokens(call);
	const char *what = tokens ? "tokens" : "requests";
	json_t *body;

	if (call_text(call, tokens ? "requests" : "tokens"))
		return call_usage(call, "levels of tokens count --tokens, all others --requests");
	if (!call_text(call, what))
		return call_usage(call, tokens ? "say how many: --tokens N, 0 = free"
					       : "say how many: --requests N, 0 = free");
	body = json_pack("{s:I, s:I}", what, (json_int_t)call_number(call, what, 0), "window_s",
		(json_int_t)call_number(call, "window", WINDOW_S));
	if (call_text(call, "burst"))
		json_object_set_new(body, "burst", json_integer(call_number(call, "burst", 0)));
	return change_run(call, "PUT", body);
}

enum outcome limit_remove_run(struct call *call)
{
	return change_run(call, "DELETE", NULL);
}

/* ---- a tenant's plan ---- */

static const char *plan_text(const json_t *reply, const char *member)
{
	const char *plan = json_string_value(json_object_get(reply, member));

	return plan ? plan : "none of its own";
}

static void plan_show(const struct call *call, const json_t *reply, bool sets)
{
	if (sets)
		fprintf(call->out, "before   %s\n", plan_text(reply, "before"));
	fprintf(call->out, "%s%s\n", sets ? "after    " : "", plan_text(reply, "plan"));
	if (sets && call_flag(call, "dry-run"))
		fprintf(call->out, "nothing was changed\n");
}

enum outcome limit_plan_run(struct call *call)
{
	const bool none = call_flag(call, "none"), sets = none || call->n > 1;
	struct operator_call ask = {.method = sets ? "PUT" : "GET",
		.before = "/v1/tenants/",
		.name = call->arguments[0],
		.after = "/plan",
		.query = sets ? access_dry_query(call) : NULL};
	json_t *reply = NULL;
	enum outcome outcome;

	if (none && call->n > 1)
		return call_usage(call, "--none goes with no plan");
	if (sets)
		ask.body = none ? json_pack("{s:n}", "plan")
				: json_pack("{s:s}", "plan", call->arguments[1]);
	outcome = operator_ask(call, &ask, &reply);
	if (outcome != OUTCOME_OK)
		return outcome;
	if (call_flag(call, "json"))
		return output_json_new(call, reply);
	plan_show(call, reply, sets);
	json_decref(reply);
	return OUTCOME_OK;
}
