#include "handlers.h"
#include "listing.h"
#include "operator.h"
#include "output.h"
#include "secret_file.h"

enum { DAY_S = 86400 };

static const struct column columns[] = {
	{"KIND", "kind", COLUMN_PLAIN},
	{"TENANT", "tenant", COLUMN_PLAIN},
	{"MARK", "mark", COLUMN_PLAIN},
	{"PREVIOUS UNTIL", "previous_until", COLUMN_PLAIN},
	{NULL, NULL, COLUMN_PLAIN},
};

enum outcome signing_key_list_run(struct call *call)
{
	return listing_run(call, CLIENT_OPERATOR, "/v1/signing-keys", columns);
}

static enum outcome rotate(struct call *call, json_t **ret_json)
{
	struct operator_call ask = {.method = "POST",
		.before = "/v1/tenants/",
		.name = call->arguments[0],
		.after = "/webhook-secret",
		.body = json_pack(
			"{s:I}", "overlap_s", (json_int_t)call_number(call, "overlap", DAY_S))};

	return operator_ask(call, &ask, ret_json);
}

/* The secret leaves through its file only. */
static enum outcome keep(struct call *call, json_t *told, const char *path, int fd)
{
	const char *secret = json_string_value(json_object_get(told, "webhook_secret"));
	enum outcome outcome;

	if (!secret) {
		secret_file_drop(path, fd);
		return call_fail(call, OUTCOME_FAILED, "the server told no webhook secret");
	}
	outcome = secret_file_fill(call, path, fd, secret);
	json_object_del(told, "webhook_secret");
	if (outcome == OUTCOME_OK && call_flag(call, "json"))
		return output_json(call, told);
	if (outcome == OUTCOME_OK)
		fprintf(call->out, "webhooks of %s are signed by a new secret\n",
			call->arguments[0]);
	return outcome;
}

enum outcome signing_key_rotate_run(struct call *call)
{
	const char *path = call_text(call, "webhook-secret-file");
	json_t *told = NULL;
	enum outcome outcome;
	int fd = -1;

	if (!path)
		return call_usage(call, "say where the secret goes: --webhook-secret-file FILE");
	outcome = secret_file_reserve(call, path, &fd);
	if (outcome != OUTCOME_OK)
		return outcome;
	outcome = rotate(call, &told);
	if (outcome == OUTCOME_OK)
		outcome = keep(call, told, path, fd);
	else
		secret_file_drop(path, fd);
	json_decref(told);
	return outcome;
}
