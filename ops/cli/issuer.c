#include "access.h"
#include "handlers.h"
#include "listing.h"
#include "output.h"

#include "ground/secret.h"

#include <string.h>

static const struct column columns[] = {
	{"ID", "id", COLUMN_PLAIN},
	{"TENANT", "tenant", COLUMN_PLAIN},
	{"ISSUER", "issuer", COLUMN_PLAIN},
	{"AUDIENCE", "audience", COLUMN_PLAIN},
	{"KEYS", "jwks_url", COLUMN_PLAIN},
	{"ROLES", "roles", COLUMN_PLAIN},
	{"AGE", "created_at", COLUMN_AGE},
	{NULL, NULL, COLUMN_PLAIN},
};

enum outcome issuer_list_run(struct call *call)
{
	return listing_of_tenant(call, "/v1/issuers", columns);
}

/* {"theirs": "ours"} of all --role; NULL when there is no memory. */
static json_t *roles_of(const struct call *call)
{
	json_t *roles = json_object();
	const char *pair;
	size_t i = 0;

	while (roles && (pair = call_next(call, "role", &i))) {
		const char *equals = strchr(pair, '=');

		(void)json_object_setn_new(
			roles, pair, (size_t)(equals - pair), json_string(equals + 1));
	}
	return roles;
}

static json_t *algorithms_of(const struct call *call)
{
	json_t *list = json_array();
	const char *alg;
	size_t i = 0;

	while (list && (alg = call_next(call, "algorithm", &i)))
		(void)json_array_append_new(list, json_string(alg));
	if (json_array_size(list) == 0) {
		json_decref(list);
		list = NULL;
	}
	return list;
}

static enum outcome add_with(struct call *call, const char *secret)
{
	struct operator_call ask = {.method = "POST",
		.before = "/v1/issuers",
		.name = "",
		.after = "",
		.body = json_pack("{s:s*, s:s, s:s, s:s*, s:s*, s:s*, s:s*, s:o*, s:o*}", "tenant",
			call_text(call, "tenant"), "issuer", call->arguments[0], "audience",
			call_text(call, "audience"), "jwks_url", call_text(call, "jwks-url"),
			"secret", secret, "kid", call_text(call, "kid"), "roles_claim",
			call_text(call, "roles-claim"), "algorithms", algorithms_of(call), "roles",
			roles_of(call))};
	json_t *issuer = NULL;
	enum outcome outcome = operator_ask(call, &ask, &issuer);

	if (outcome != OUTCOME_OK)
		return outcome;
	if (call_flag(call, "json"))
		return output_json_new(call, issuer);
	fprintf(call->out, "issuer %s is registered\n",
		json_string_value(json_object_get(issuer, "id")));
	json_decref(issuer);
	return OUTCOME_OK;
}

enum outcome issuer_add_run(struct call *call)
{
	const char *path = call_text(call, "secret-file");
	struct secret secret = {0};
	struct buf why;
	enum outcome outcome = OUTCOME_OK;

	if (!call_text(call, "audience") || !(call_text(call, "tenant") || call_flag(call, "own")))
		return call_usage(call, "--tenant NAME (or --own) and --audience TEXT are needed");
	if (!path == !call_text(call, "jwks-url"))
		return call_usage(
			call, "say where its keys are: --jwks-url, or --secret-file and --kid");
	buf_init(&why, 4096);
	if (path && secret_read(path, &why, &secret) != ERR_OK)
		outcome = call_usage(call, "%s", why.bytes ? why.bytes : "out of memory");
	if (outcome == OUTCOME_OK)
		outcome = add_with(call, secret.bytes);
	secret_clear(&secret);
	buf_clear(&why);
	return outcome;
}

/* How many people it vouches for, only it knows. */
static void end_show(const struct call *call, const json_t *change)
{
	const json_t *issuer = json_object_get(change, "issuer");

	fprintf(call->out, "issuer   %s of %s\n",
		json_string_value(json_object_get(issuer, "issuer")),
		json_string_value(json_object_get(issuer, "tenant")));
	access_shut_out_show(call, change, "would stop, and all of its tokens");
}

enum outcome issuer_remove_run(struct call *call)
{
	struct operator_call ask = {.method = "DELETE",
		.before = "/v1/issuers/",
		.name = call->arguments[0],
		.after = "",
		.query = access_dry_query(call)};

	if (call_flag(call, "dry-run"))
		return access_dry_run(call, &ask, end_show);
	return operator_tell(call, &ask, "issuer ", " is removed; its tokens are refused");
}
