#include "handlers.h"
#include "listing.h"
#include "operator.h"
#include "output.h"

#include <string.h>

static const struct column columns[] = {
	{"WORKER", "id", COLUMN_PLAIN},
	{"HOST", "host", COLUMN_PLAIN},
	{"PID", "pid", COLUMN_PLAIN},
	{"STATE", "state", COLUMN_PLAIN},
	{"RUNNING", "running", COLUMN_PLAIN},
	{"SLOTS", "slots", COLUMN_PLAIN},
	{"CALLS", "calls", COLUMN_PLAIN},
	{"MEMORY", "memory_bytes", COLUMN_BYTES},
	{"LAST SIGN", "beat_at", COLUMN_AGE},
	{"UP", "started_at", COLUMN_AGE},
	{NULL, NULL, COLUMN_PLAIN},
};

enum outcome worker_list_run(struct call *call)
{
	return listing_run(call, CLIENT_OPERATOR, "/v1/workers", columns);
}

enum outcome worker_drain_run(struct call *call)
{
	struct operator_call ask = {.method = "POST",
		.before = "/v1/workers/",
		.name = call->arguments[0],
		.after = "/drain"};
	json_t *worker = NULL;
	const char *state;
	enum outcome outcome;

	outcome = operator_ask(call, &ask, &worker);
	state = json_string_value(json_object_get(worker, "state"));
	if (outcome == OUTCOME_OK && state &&
		(strcmp(state, "left") == 0 || strcmp(state, "dead") == 0))
		outcome = call_fail(call, OUTCOME_CONFLICT, "worker %s is gone already (%s)",
			call->arguments[0], state);
	else if (outcome == OUTCOME_OK && call_flag(call, "json"))
		outcome = output_json(call, worker);
	else if (outcome == OUTCOME_OK)
		fprintf(call->out,
			"worker %s finishes what it holds and stops; it stays away until it is "
			"started again\n",
			call->arguments[0]);
	json_decref(worker);
	return outcome;
}
