#include "access.h"
#include "duration.h"
#include "handlers.h"
#include "output.h"

#include "ground/clock.h"

/* An operator's own key goes on whatever the list says of addresses: others do not. */
static void change_show(const struct call *call, const json_t *change)
{
	access_shut_out_show(call, change, "would stop");
	if (json_is_true(json_object_get(change, "your_address")))
		fprintf(call->err,
			"warning: you call from there: tenants' keys that are used from your "
			"address stop; an operator's key goes on\n");
	if (json_is_null(json_object_get(change, "keys")))
		fprintf(call->out, "API keys are not counted: they stop where they are used from "
				   "there\n");
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
	enum outcome outcome;

	if (call_flag(call, "dry-run"))
		return access_dry_run(call, &ask, change_show);
	outcome = operator_ask(call, &ask, &made);
	if (outcome != OUTCOME_OK)
		return outcome;
	if (call_flag(call, "json"))
		return output_json_new(call, made);
	fprintf(call->out, "revoked: %s, given before %s; every process knows within 5 s\n",
		json_string_value(json_object_get(made, "kind")),
		json_string_value(json_object_get(made, "before")));
	json_decref(made);
	return OUTCOME_OK;
}

enum outcome revoke_run(struct call *call)
{
	const char *before = call_text(call, "before");
	char text[CLOCK_TEXT_MAX];
	int64_t ms = 0;

	if (!call_text(call, "tenant") && !call_text(call, "network"))
		return call_usage(call, "--tenant NAME is needed, or --network for all tenants");
	if (before && !duration_when(before, clock_record_ms(), &ms))
		return call_usage(call, "--before must be a time, or how long ago: -2h");
	if (before)
		clock_format(ms, text);
	return tell(call,
		json_pack("{s:s*, s:s*, s:s*, s:s*, s:s*}", "tenant", call_text(call, "tenant"),
			"user", call_text(call, "user"), "token", call_text(call, "token"),
			"network", call_text(call, "network"), "before", before ? text : NULL));
}
