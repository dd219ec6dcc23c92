#include "filter.h"
#include "handlers.h"
#include "listing.h"

enum { LIMIT = 20, PATH_MAX_BYTES = 16 << 10 };

static const struct column columns[] = {
	{"JOB", "id", COLUMN_PLAIN},
	{"STATE", "state", COLUMN_PLAIN},
	{"KIND", "kind", COLUMN_PLAIN},
	{"QUEUE", "queue", COLUMN_PLAIN},
	{"MODEL", "model", COLUMN_PLAIN},
	{"ATTEMPT", "attempt", COLUMN_PLAIN},
	{"AGE", "created_at", COLUMN_AGE},
	{"ERROR", "error.code", COLUMN_PLAIN},
	{NULL, NULL, COLUMN_PLAIN},
};

static enum outcome show(const struct call *call, const char *path, const json_t *body)
{
	struct listing listing = {.path = path,
		.body = body,
		.columns = columns,
		.limit = (size_t)call_number(call, "limit", LIMIT),
		.after = call_text(call, "after")};
	struct client client;
	enum outcome outcome = client_open(call, CLIENT_JOBS, &client);

	if (outcome == OUTCOME_OK)
		outcome = listing_show(&client, &listing);
	client_clear(&client);
	return outcome;
}

static enum outcome search(const struct call *call)
{
	json_t *body = NULL;
	enum outcome outcome = filter_body(call, &body);

	if (outcome == OUTCOME_OK)
		outcome = show(call, "/v1/jobs/search", body);
	json_decref(body);
	return outcome;
}

enum outcome job_list_run(struct call *call)
{
	struct buf path;
	enum outcome outcome;

	if (filter_needs_body(call))
		return search(call);
	buf_init(&path, PATH_MAX_BYTES);
	buf_text(&path, "/v1/jobs");
	outcome = filter_query(call, &path);
	if (outcome == OUTCOME_OK)
		outcome = show(call, path.bytes, NULL);
	buf_clear(&path);
	return outcome;
}
