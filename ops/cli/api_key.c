#include "access.h"
#include "handlers.h"
#include "listing.h"
#include "output.h"
#include "secret_file.h"

static const struct column columns[] = {
	{"KEY", "id", COLUMN_PLAIN},
	{"TENANT", "tenant", COLUMN_PLAIN},
	{"NAME", "name", COLUMN_PLAIN},
	{"USER", "user", COLUMN_PLAIN},
	{"ROLES", "roles", COLUMN_PLAIN},
	{"AGE", "created_at", COLUMN_AGE},
	{"LAST USED", "last_used_at", COLUMN_AGE},
	{"EXPIRES", "expires_at", COLUMN_PLAIN},
	{"SCOPES", "scope", COLUMN_PLAIN},
	{"REVOKED", "revoked_at", COLUMN_AGE},
	{NULL, NULL, COLUMN_PLAIN},
};

enum outcome api_key_list_run(struct call *call)
{
	return listing_of_tenant(call, "/v1/api-keys", columns);
}

static enum outcome create(struct call *call, json_t **ret_json)
{
	struct operator_call ask = {.method = "POST",
		.before = "/v1/api-keys",
		.name = "",
		.after = "",
		.body = json_pack("{s:s*, s:s*, s:s*, s:s*, s:o*}", "tenant",
			call_text(call, "tenant"), "name", call_text(call, "name"), "user",
			call_text(call, "user"), "scope", call_text(call, "scope"), "roles",
			call_text(call, "roles") ? access_list(call_text(call, "roles")) : NULL)};
	int64_t life_s = call_number(call, "expires-in", 0);

	if (life_s)
		(void)json_object_set_new(ask.body, "expires_in_s", json_integer(life_s));
	return operator_ask(call, &ask, ret_json);
}

static struct operator_call rotation_of(const struct call *call)
{
	int64_t overlap_s = call_number(call, "overlap", -1);

	return (struct operator_call){.method = "POST",
		.before = "/v1/api-keys/",
		.name = call->arguments[0],
		.after = "/rotate",
		.query = access_dry_query(call),
		.body = overlap_s < 0 ? json_object() : json_pack("{s:I}", "overlap_s", overlap_s)};
}

static enum outcome rotate(struct call *call, json_t **ret_json)
{
	struct operator_call ask = rotation_of(call);

	return operator_ask(call, &ask, ret_json);
}

/* Whose key it is, and what ends with it. */
static void end_show(const struct call *call, const json_t *change)
{
	const json_t *key = json_object_get(change, "key");
	const json_t *left = json_object_get(change, "operators_left");
	const json_t *tokens = json_object_get(change, "tokens_end");
	const char *name = json_string_value(json_object_get(key, "name"));
	const char *tenant = json_string_value(json_object_get(key, "tenant"));
	const char *used = json_string_value(json_object_get(key, "last_used_at"));
	const char *ends = json_string_value(json_object_get(change, "ends_at"));

	fprintf(call->out, "key      %s \"%s\" of %s\n", call->arguments[0], name ? name : "",
		tenant && *tenant ? tenant : "an operator");
	fprintf(call->out, "used     %s\n", used ? used : "never");
	if (ends)
		fprintf(call->out, "ends     %s\n", ends);
	access_shut_out_show(call, change, "would stop");
	if (tokens)
		fprintf(call->out, "access tokens that it bought %s\n",
			json_is_true(tokens) ? "end with it" : "run out by themselves");
	if (json_is_integer(left) && json_integer_value(left) == 0)
		fprintf(call->err, "warning: no operator's key would be left; "
				   "`longhaul bootstrap --another` makes one\n");
}

/* ---- what is made ---- */

/* The key leaves through its file, or on standard output when that was asked for; its id, by which
 * it ends, beside it, so that a script takes the key alone. */
static enum outcome show(struct call *call, json_t *key)
{
	const bool shown = call_flag(call, "show");

	if (!shown)
		json_object_del(key, "key");
	if (call_flag(call, "json"))
		return output_json(call, key);
	if (shown)
		fprintf(call->out, "%s\n", json_string_value(json_object_get(key, "key")));
	fprintf(shown ? call->err : call->out, "key %s is made\n",
		json_string_value(json_object_get(key, "id")));
	return OUTCOME_OK;
}

/* make asks for the key, which then goes where it is to go. */
static enum outcome make_into(struct call *call,
	enum outcome (*make)(struct call *call, json_t **ret_json), const char *path, int fd)
{
	json_t *key = NULL;
	enum outcome outcome = make(call, &key);
	const char *secret = json_string_value(json_object_get(key, "key"));

	if (outcome == OUTCOME_OK && (!secret || !json_is_string(json_object_get(key, "id"))))
		outcome = call_fail(call, OUTCOME_FAILED, "the server told no key");
	if (outcome != OUTCOME_OK)
		secret_file_drop(path, fd);
	else if (path)
		outcome = secret_file_fill(call, path, fd, secret);
	if (outcome == OUTCOME_OK)
		outcome = show(call, key);
	json_decref(key);
	return outcome;
}

static enum outcome make_run(
	struct call *call, enum outcome (*make)(struct call *call, json_t **ret_json))
{
	const char *path = call_text(call, "key-file");
	enum outcome outcome = OUTCOME_OK;
	int fd = -1;

	if (!path && !call_flag(call, "show"))
		return call_usage(call, "say where the key goes: --key-file FILE, or --show");
	if (path)
		outcome = secret_file_reserve(call, path, &fd);
	return outcome == OUTCOME_OK ? make_into(call, make, path, fd) : outcome;
}

enum outcome api_key_create_run(struct call *call)
{
	if (!call_text(call, "tenant") && !call_text(call, "roles") && !call_flag(call, "own"))
		return call_usage(call, "--tenant NAME is needed, or --own, or --roles for an "
					"operator's key");
	return make_run(call, create);
}

enum outcome api_key_rotate_run(struct call *call)
{
	struct operator_call ask;

	if (!call_flag(call, "dry-run"))
		return make_run(call, rotate);
	ask = rotation_of(call);
	return access_dry_run(call, &ask, end_show);
}

enum outcome api_key_revoke_run(struct call *call)
{
	struct operator_call ask = {.method = "DELETE",
		.before = "/v1/api-keys/",
		.name = call->arguments[0],
		.after = "",
		.query = access_dry_query(call)};

	if (call_flag(call, "dry-run"))
		return access_dry_run(call, &ask, end_show);
	return operator_tell(call, &ask, "key ", " is revoked");
}
