/* What others ask for where two people are needed, and whether they are. */
#include "access.h"
#include "handlers.h"
#include "output.h"

#include <string.h>

enum { PATH_MAX_BYTES = 256 };

static const struct column columns[] = {
	{"APPROVAL", "id", COLUMN_PLAIN},
	{"STATE", "state", COLUMN_PLAIN},
	{"ACTION", "action", COLUMN_PLAIN},
	{"ASKED BY", "asked_by", COLUMN_PLAIN},
	{"DECIDED BY", "decided_by", COLUMN_PLAIN},
	{"UNTIL", "expires_at", COLUMN_PLAIN},
	{"CALL", "call.path", COLUMN_PLAIN},
	{NULL, NULL, COLUMN_PLAIN},
};

/* What waits, unless somebody asks for more. */
enum outcome approval_list_run(struct call *call)
{
	const char *state = call_text(call, "state");
	enum outcome outcome;
	struct buf path;

	buf_init(&path, PATH_MAX_BYTES);
	buf_text(&path, "/approvals");
	if (!state || strcmp(state, "all") != 0)
		client_query(&path, "state", state ? state : "pending");
	outcome = buf_err(&path) == ERR_OK ? access_list_run(call, path.bytes, columns)
					   : call_fail(call, OUTCOME_FAILED, "out of memory");
	buf_clear(&path);
	return outcome;
}

static enum outcome decide(const struct call *call, const char *after, const char *done)
{
	const struct access_ask ask = {.method = "POST",
		.before = "/approvals/",
		.name = call->arguments[0],
		.after = after};
	json_t *approval = NULL;
	enum outcome outcome = access_ask(call, &ask, &approval);

	if (outcome != OUTCOME_OK)
		return outcome;
	if (call_flag(call, "json"))
		return output_json_new(call, approval);
	fprintf(call->out, "%s is %s\n", call->arguments[0], done);
	json_decref(approval);
	return OUTCOME_OK;
}

enum outcome approval_approve_run(struct call *call)
{
	return decide(call, "/approve", "approved: who asked may make the call now, once");
}

enum outcome approval_refuse_run(struct call *call)
{
	return decide(call, "/refuse", "refused");
}

/* ---- two-people ---- */

static enum outcome rule(const struct call *call, const char *method, json_t *body)
{
	const struct access_ask ask = {
		.method = method, .before = "/two-people", .name = "", .after = "", .body = body};
	json_t *told = NULL;
	enum outcome outcome = access_ask(call, &ask, &told);

	if (outcome != OUTCOME_OK)
		return outcome;
	if (call_flag(call, "json"))
		return output_json_new(call, told);
	fprintf(call->out, "changes of roles, users and keys need %s\n",
		json_is_true(json_object_get(told, "required")) ? "two people" : "one person");
	json_decref(told);
	return OUTCOME_OK;
}

enum outcome two_people_show_run(struct call *call)
{
	return rule(call, "GET", NULL);
}

enum outcome two_people_on_run(struct call *call)
{
	return rule(call, "PUT", json_pack("{s:b}", "required", 1));
}

enum outcome two_people_off_run(struct call *call)
{
	return rule(call, "PUT", json_pack("{s:b}", "required", 0));
}
