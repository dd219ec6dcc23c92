#include "access.h"
#include "duration.h"
#include "handlers.h"
#include "listing.h"
#include "output.h"

#include "ground/clock.h"

#include <string.h>

/* ---- what is revoked ---- */

static const struct column columns[] = {
	{"ID", "id", COLUMN_PLAIN},
	{"TENANT", "tenant", COLUMN_PLAIN},
	{"KIND", "kind", COLUMN_PLAIN},
	{"USER", "user", COLUMN_PLAIN},
	{"TOKEN", "token", COLUMN_PLAIN},
	{"KEY", "key", COLUMN_PLAIN},
	{"ISSUER", "issuer", COLUMN_PLAIN},
	{"NETWORK", "network", COLUMN_PLAIN},
	{"GIVEN BEFORE", "before", COLUMN_PLAIN},
	{"UNTIL", "ends_at", COLUMN_PLAIN},
	{"BY", "by", COLUMN_PLAIN},
	{"CREDENTIAL", "by_credential", COLUMN_PLAIN},
	{"AGE", "created_at", COLUMN_AGE},
	{NULL, NULL, COLUMN_PLAIN},
};

enum outcome revocation_list_run(struct call *call)
{
	return listing_of_tenant(call, "/v1/revocations", columns);
}

enum outcome revocation_remove_run(struct call *call)
{
	const struct operator_call ask = {.method = "DELETE",
		.before = "/v1/revocations/",
		.name = call->arguments[0],
		.after = ""};

	return operator_tell(
		call, &ask, "revocation ", " is taken back; every process knows within 5 s");
}

/* ---- revoke ---- */

/* No row of the record is a token's. */
static void tokens_say(const struct call *call, const json_t *change)
{
	const char *kind = json_string_value(json_object_get(change, "kind"));

	if (kind && strcmp(kind, "credential") == 0)
		fprintf(call->out, "access tokens are not counted: the one that is named ends too, "
				   "and what was exchanged from it\n");
	else
		fprintf(call->out, "access tokens are not counted: theirs end too\n");
}

/* An operator's own key goes on whatever the list says of addresses: others do not. */
static void change_show(const struct call *call, const json_t *change)
{
	const char *user = json_string_value(json_object_get(change, "user"));
	const char *issuer = json_string_value(json_object_get(change, "issuer"));

	if (user)
		fprintf(call->out, "user     %s%s%s\n", user, issuer ? " of " : "",
			issuer ? issuer : "");
	access_shut_out_show(call, change, "would stop");
	if (json_is_true(json_object_get(change, "your_address")))
		fprintf(call->err,
			"warning: you call from there: tenants' keys that are used from your "
			"address stop; an operator's key goes on\n");
	if (json_is_null(json_object_get(change, "keys")))
		fprintf(call->out, "API keys are not counted: they stop where they are used from "
				   "there\n");
	else
		tokens_say(call, change);
}

/* Whom it reaches, as it was named or found. */
static const char *reached(const json_t *made)
{
	static const char *const members[] = {"user", "token", "network"};
	const char *text = NULL;

	for (size_t i = 0; !text && i < sizeof members / sizeof *members; i++)
		text = json_string_value(json_object_get(made, members[i]));
	return text;
}

static enum outcome tell(struct call *call, json_t *body)
{
	struct operator_call ask = {.method = "POST",
		.before = "/v1/revocations",
		.name = "",
		.after = "",
		.query = access_dry_query(call),
		.body = body};
	json_t *made = NULL;
	const char *whom;
	enum outcome outcome;

	if (call_flag(call, "dry-run"))
		return access_dry_run(call, &ask, change_show);
	outcome = operator_ask(call, &ask, &made);
	if (outcome != OUTCOME_OK)
		return outcome;
	if (call_flag(call, "json"))
		return output_json_new(call, made);
	whom = reached(made);
	fprintf(call->out, "revoked: %s%s%s, given before %s; every process knows within 5 s\n",
		json_string_value(json_object_get(made, "kind")), whom ? " " : "", whom ? whom : "",
		json_string_value(json_object_get(made, "before")));
	json_decref(made);
	return OUTCOME_OK;
}

/* That a tenant's everybody is meant is said, when nobody names the tenant. */
static bool says_whom(const struct call *call)
{
	if (call_text(call, "issuer") || call_text(call, "network"))
		return true;
	if (!call_flag(call, "own"))
		return call_text(call, "tenant");
	return call_text(call, "user") || call_text(call, "token") || call_flag(call, "everybody");
}

static json_t *body_of(const struct call *call, const char *before)
{
	json_t *body = json_pack("{s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*}", "tenant",
		call_text(call, "tenant"), "user", call_text(call, "user"), "issuer",
		call_text(call, "issuer"), "sub", call_text(call, "sub"), "token",
		call_text(call, "token"), "network", call_text(call, "network"), "before", before);

	if (call_flag(call, "everybody"))
		(void)json_object_set_new(body, "everybody", json_true());
	return body;
}

enum outcome revoke_run(struct call *call)
{
	const char *before = call_text(call, "before");
	char text[CLOCK_TEXT_MAX];
	enum client_side side;
	enum outcome outcome = operator_side(call, &side);
	int64_t ms = 0;

	if (outcome != OUTCOME_OK)
		return outcome;
	if (!says_whom(call))
		return call_usage(call, "--tenant NAME is needed, or --network for all tenants, or "
					"--issuer and --sub, or --own with whom: --user, --token, "
					"--network, --everybody");
	if (!call_text(call, "issuer") != !call_text(call, "sub"))
		return call_usage(call, "--issuer and --sub go together");
	if (before && !duration_when(before, clock_record_ms(), &ms))
		return call_usage(call, "--before must be a time, or how long ago: -2h");
	if (before)
		clock_format(ms, text);
	return tell(call, body_of(call, before ? text : NULL));
}
