#include "access.h"
#include "handlers.h"
#include "output.h"

#include <string.h>

enum { QUERY_MAX_BYTES = 4096 };

/* OBJECT is a job, or says what is known of one: queue=bulk. */
static bool object_put(struct buf *query, const char *object)
{
	static const struct {
		const char *name, *asked; /* rules say cost, the API cost_usd */
	} names[] = {{"owner", "owner"}, {"queue", "queue"}, {"model", "model"},
		{"region", "region"}, {"priority", "priority"}, {"cost", "cost_usd"},
		{"cost_usd", "cost_usd"}, {"address", "address"}};
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

static void rule_show(const struct call *call, const char *head, const json_t *right)
{
	if (*member(right, "rule"))
		fprintf(call->out, "%-8s%s\n%-8s%s\n", head, member(right, "rule"), "role",
			member(right, "path"));
}

/* What stood in the way, or was not said. */
static void conditions_show(const struct call *call, const json_t *list)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		const json_t *value = json_object_get(one, "value");

		fprintf(call->out, "%-8s%s, and it is %s\n", i ? "" : "but",
			member(one, "condition"),
			json_is_null(value)		? "not known"
			: *member(one, "value") == '\0' ? "none"
							: member(one, "value"));
	}
}

static void explain_show(const struct call *call, const json_t *reply)
{
	const bool allowed = json_is_true(json_object_get(reply, "allowed"));

	fprintf(call->out, "%s %s: %s\n", member(reply, "action"),
		allowed ? "is allowed" : "is not allowed", member(reply, "reason"));
	rule_show(call, "rule", reply);
	rule_show(call, "nearest", json_object_get(reply, "nearest"));
	conditions_show(call, json_object_get(reply, "conditions"));
	if (*member(reply, "note"))
		fprintf(call->out, "%-8s%s\n", "note", member(reply, "note"));
}

static enum outcome query_make(struct call *call, struct buf *query)
{
	const char *who = call->arguments[0];

	client_query(query, strncmp(who, "key_", 4) == 0 ? "key" : "user", who);
	client_query(query, "action", call->arguments[1]);
	for (size_t i = 2; i < call->n; i++)
		if (!object_put(query, call->arguments[i]))
			return call_usage(call,
				"an object is a job's id, or owner=, queue=, model=, region=, "
				"priority=, cost=, address=");
	return OUTCOME_OK;
}

enum outcome access_explain_run(struct call *call)
{
	json_t *reply = NULL;
	enum outcome outcome;
	struct buf query;

	buf_init(&query, QUERY_MAX_BYTES);
	outcome = query_make(call, &query);
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
