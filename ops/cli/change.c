/* cancel and retry: the same two ways, by id and by filter. */
#include "filter.h"
#include "handlers.h"
#include "job.h"
#include "output.h"
#include "progress.h"

#include <string.h>

/* How long the server may work at one step of a filter. */
enum { STEP_MS = 30000, STEP_JOBS = 2000 };

#define NOT_ENDED "queued,waiting,running"

/* Why a retry leaves jobs, or would: the reply's codes, and what they mean. */
static const struct {
	const char *code, *why;
} left_kinds[] = {
	{"queue_full", "the queue is at its limit"},
	{"queue_draining", "the queue takes no more jobs"},
	{"tenant_full", "the tenant has as many jobs waiting as it may"},
};
enum { LEFT_KINDS = sizeof(left_kinds) / sizeof(*left_kinds) };

static enum outcome change_one(struct client *client, const char *verb, const char *id)
{
	const struct call *call = client->call;
	char path[128];
	struct question question = {.method = "POST", .path = path};
	struct reply reply;
	enum outcome outcome;

	snprintf(path, sizeof(path), "/v1/jobs/%s/%s", id, verb);
	outcome = client_ask(client, &question, &reply);
	if (outcome == OUTCOME_OK && call_flag(call, "json"))
		outcome = output_json(call, reply.json);
	else if (outcome == OUTCOME_OK)
		fprintf(call->out, "%s %s\n", id, job_state(reply.json));
	reply_clear(&reply);
	return outcome;
}

static enum outcome change_each(struct client *client, const char *verb)
{
	const struct call *call = client->call;
	enum outcome worst = OUTCOME_OK;

	for (size_t i = 0; i < call->n; i++) {
		enum outcome outcome = change_one(client, verb, call->arguments[i]);

		worst = outcome != OUTCOME_OK ? outcome : worst;
		if (outcome == OUTCOME_UNAVAILABLE || outcome == OUTCOME_REFUSED)
			break;
	}
	return worst;
}

/* What all requests together came to: the server works a filter off in bounded steps. */
struct total {
	long long matched, changed, left[LEFT_KINDS];
	bool more;
};

static long long total_left(const struct total *total)
{
	long long sum = 0;

	for (int i = 0; i < LEFT_KINDS; i++)
		sum += total->left[i];
	return sum;
}

/* What is left for want of room matches again: to go on at once would not end. */
static void total_add(struct total *total, const json_t *step)
{
	const json_t *left = json_object_get(step, "left");

	total->matched += json_integer_value(json_object_get(step, "matched"));
	total->changed += json_integer_value(json_object_get(step, "changed"));
	for (int i = 0; i < LEFT_KINDS; i++)
		total->left[i] += json_integer_value(json_object_get(left, left_kinds[i].code));
	total->more = json_is_true(json_object_get(step, "has_more")) && total_left(total) == 0;
}

static enum outcome change_step(
	struct client *client, const char *verb, const json_t *body, struct total *total)
{
	const char *tenant = call_text(client->call, "tenant");
	struct reply reply;
	char path[160];
	struct question question = {
		.method = "POST", .path = path, .json = body, .patience_ms = STEP_MS};
	enum outcome outcome;

	if (tenant)
		snprintf(path, sizeof(path), "/v1/tenants/%s/jobs/%s", tenant, verb);
	else
		snprintf(path, sizeof(path), "/v1/jobs/%s", verb);
	outcome = client_ask(client, &question, &reply);
	if (outcome == OUTCOME_OK)
		total_add(total, reply.json);
	reply_clear(&reply);
	return outcome;
}

static json_t *left_json(const struct total *total)
{
	json_t *left = json_object();

	for (int i = 0; i < LEFT_KINDS; i++)
		json_object_set_new(left, left_kinds[i].code, json_integer(total->left[i]));
	return left;
}

static enum outcome print(const struct call *call, const struct total *total)
{
	bool dry = call_flag(call, "dry-run");

	if (call_flag(call, "json"))
		return output_json_new(call,
			json_pack("{s:s, s:I, s:I, s:b, s:o}", "object", "change", "matched",
				(json_int_t)total->matched, "changed", (json_int_t)total->changed,
				"dry_run", (int)dry, "left", left_json(total)));
	if (dry)
		fprintf(call->out, "%lld job%s; nothing was changed\n", total->matched,
			total->matched == 1 ? " matches" : "s match");
	else
		fprintf(call->out, "%lld job%s changed\n", total->changed,
			total->changed == 1 ? "" : "s");
	for (int i = 0; i < LEFT_KINDS; i++)
		if (total->left[i] > 0)
			fprintf(call->out, "%lld %s: %s\n", total->left[i],
				dry ? "would be left" : "left", left_kinds[i].why);
	return OUTCOME_OK;
}

static void tell(struct progress *progress, const struct total *total)
{
	char news[PROGRESS_MAX];

	snprintf(news, sizeof(news), "%lld jobs changed so far", total->changed);
	progress_show(progress, news, "");
}

/* All jobs of a tenant that have not ended: who stops a runaway need not know what it submits. */
static bool means_all_of(const struct call *call, const char *verb)
{
	return strcmp(verb, "cancel") == 0 && call_text(call, "tenant") && !filter_is_given(call);
}

static enum outcome change_matching(struct client *client, const char *verb)
{
	const struct call *call = client->call;
	struct total total = {.more = true};
	struct progress progress;
	json_t *body = NULL;
	enum outcome outcome = filter_body(call, &body);

	if (outcome != OUTCOME_OK)
		return outcome;
	if (means_all_of(call, verb))
		json_object_set_new(body, "state", json_string(NOT_ENDED));
	json_object_set_new(body, "dry_run", json_boolean(call_flag(call, "dry-run")));
	json_object_set_new(body, "limit", json_integer(STEP_JOBS));
	progress_init(&progress, call);
	while (outcome == OUTCOME_OK && total.more) {
		outcome = change_step(client, verb, body, &total);
		if (outcome == OUTCOME_OK && total.more)
			tell(&progress, &total);
	}
	progress_end(&progress);
	json_decref(body);
	return outcome == OUTCOME_OK ? print(call, &total) : outcome;
}

/* It becomes a part of a path. */
static bool tenant_is_word(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= 64 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == n;
}

static enum outcome check(const struct call *call, const char *verb)
{
	if (call->n == 0 && !filter_is_given(call) && !means_all_of(call, verb))
		return call_usage(call,
			"name jobs, or a filter such as --state failed (with --dry-run to count "
			"first)");
	if (call->n > 0 && filter_is_given(call))
		return call_usage(call, "jobs or a filter, not both");
	if (call->n > 0 && (call_flag(call, "dry-run") || call_text(call, "tenant")))
		return call_usage(call, "--dry-run and --tenant go with a filter");
	if (call_text(call, "tenant") && !tenant_is_word(call_text(call, "tenant")))
		return call_usage(call, "a tenant's name is 1 to 64 of a-z, 0-9, - and _");
	return job_check_ids(call);
}

static enum outcome change(const struct call *call, const char *verb)
{
	struct client client;
	enum outcome outcome = check(call, verb);

	if (outcome != OUTCOME_OK)
		return outcome;
	outcome = client_open(
		call, call_text(call, "tenant") ? CLIENT_OPERATOR : CLIENT_JOBS, &client);
	if (outcome == OUTCOME_OK)
		outcome = call->n > 0 ? change_each(&client, verb) : change_matching(&client, verb);
	client_clear(&client);
	return outcome;
}

enum outcome job_cancel_run(struct call *call)
{
	return change(call, "cancel");
}

enum outcome job_retry_run(struct call *call)
{
	return change(call, "retry");
}
