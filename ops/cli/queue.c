#include "handlers.h"
#include "listing.h"
#include "operator.h"
#include "output.h"

static const struct column columns[] = {
	{"QUEUE", "name", COLUMN_PLAIN},
	{"PAUSED", "paused", COLUMN_PLAIN},
	{"DRAINING", "draining", COLUMN_PLAIN},
	{"QUEUED", "queued", COLUMN_PLAIN},
	{"WAITING", "waiting", COLUMN_PLAIN},
	{"RUNNING", "running", COLUMN_PLAIN},
	{"STARTS/S", "drain_rate", COLUMN_PLAIN},
	{"OLDEST", "oldest_at", COLUMN_AGE},
	{"CONCURRENCY", "concurrency", COLUMN_LIMIT},
	{"MAX QUEUED", "max_queued", COLUMN_LIMIT},
	{"WEIGHT", "weight", COLUMN_PLAIN},
	{"RATE", "rate", COLUMN_LIMIT},
	{NULL, NULL, COLUMN_PLAIN},
};

enum outcome queue_list_run(struct call *call)
{
	return listing_run(call, CLIENT_OPERATOR, "/v1/queues", columns);
}

/* What is settable: option and member of the API have one name but for the dash. */
static const struct {
	const char *option, *member;
} settings[] = {{"concurrency", "concurrency"}, {"max-queued", "max_queued"}, {"weight", "weight"},
	{"rate", "rate"}, {"max-age", "max_age_s"}, {"attempt-timeout", "attempt_timeout_s"},
	{"deadline", "deadline_s"}};

/* A queue's first version is the one that made it: a name that was mistyped shows. */
static enum outcome show(const struct call *call, const json_t *queue, bool asked)
{
	const bool is_new = json_integer_value(json_object_get(queue, "version")) == 1;

	if (call_flag(call, "json"))
		return output_json(call, queue);
	fprintf(call->out, "queue %s is %s\n", call->arguments[0],
		is_new	? "made"
		: asked ? "changed"
			: "there and as it was: no option was given");
	return OUTCOME_OK;
}

enum outcome queue_set_run(struct call *call)
{
	struct operator_call ask = {.method = "PATCH",
		.before = "/v1/queues/",
		.name = call->arguments[0],
		.after = "",
		.body = json_object()};
	json_t *queue = NULL;
	enum outcome outcome;
	bool asked;

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (call_text(call, settings[i].option))
			json_object_set_new(ask.body, settings[i].member,
				json_integer(call_number(call, settings[i].option, 0)));
	asked = json_object_size(ask.body) > 0;
	outcome = operator_ask(call, &ask, &queue);
	if (outcome == OUTCOME_OK)
		outcome = show(call, queue, asked);
	json_decref(queue);
	return outcome;
}

static enum outcome post(struct call *call, const char *verb, const char *done)
{
	struct operator_call ask = {.method = "POST",
		.before = "/v1/queues/",
		.name = call->arguments[0],
		.after = verb};
	enum outcome outcome;

	outcome = operator_tell(call, &ask, "queue ", done);
	if (outcome == OUTCOME_NOT_FOUND)
		fprintf(call->err, "  longhaul queue set %s makes it\n", call->arguments[0]);
	return outcome;
}

enum outcome queue_pause_run(struct call *call)
{
	return post(call, "/pause", " is paused: what runs goes on, nothing new starts");
}

enum outcome queue_resume_run(struct call *call)
{
	return post(call, "/resume", " is neither paused nor draining: it accepts and starts jobs");
}

enum outcome queue_drain_run(struct call *call)
{
	return post(call, "/drain", " accepts no more jobs and works off what it has");
}
