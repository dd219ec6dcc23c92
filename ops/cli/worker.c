#include "handlers.h"
#include "listing.h"
#include "operator.h"

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

	return operator_tell(call, &ask, "worker ", " finishes what it holds and stops");
}
