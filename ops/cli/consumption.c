/* usage: what was used and what it cost. */
#include "handlers.h"
#include "listing.h"

#include <string.h>

enum { PATH_MAX_BYTES = 1024 };

static const struct column groups[] = {
	{"DAY", "day", COLUMN_PLAIN},
	{"TENANT", "tenant", COLUMN_PLAIN},
	{"QUEUE", "queue", COLUMN_PLAIN},
	{"UPSTREAM", "upstream", COLUMN_PLAIN},
	{"MODEL", "model", COLUMN_PLAIN},
};
static const struct column sums[] = {
	{"ATTEMPTS", "attempts", COLUMN_PLAIN},
	{"ESTIMATED", "estimated_attempts", COLUMN_PLAIN},
	{"INPUT TOKENS", "usage.input_tokens", COLUMN_PLAIN},
	{"OUTPUT TOKENS", "usage.output_tokens", COLUMN_PLAIN},
	{"USD", "usage.cost_usd", COLUMN_MONEY},
};
enum { GROUPS = sizeof(groups) / sizeof(groups[0]), SUMS = sizeof(sums) / sizeof(sums[0]) };

static bool names(const char *by, const char *word)
{
	const size_t len = strlen(word);

	for (const char *at = by; *at; at += strcspn(at, ","), at += *at == ',')
		if (strcspn(at, ",") == len && strncmp(at, word, len) == 0)
			return true;
	return false;
}

/* The groups that were asked for, then the sums. */
static void columns_choose(const char *by, struct column columns[GROUPS + SUMS + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < GROUPS; i++)
		if (names(by, groups[i].member))
			columns[n++] = groups[i];
	for (size_t i = 0; i < SUMS; i++)
		columns[n++] = sums[i];
	columns[n] = (struct column){NULL, NULL, COLUMN_PLAIN};
}

/* Days as they are written stand in their order. */
static bool span_is_right(const struct call *call)
{
	const char *from = call_text(call, "from"), *until = call_text(call, "until");

	return !from || !until || strcmp(from, until) < 0;
}

enum outcome consumption_run(struct call *call)
{
	const char *by = call_text(call, "by");
	struct column columns[GROUPS + SUMS + 1];
	enum outcome outcome;
	struct buf path;

	if (!span_is_right(call))
		return call_usage(call, "--from has to be before --until");
	columns_choose(by ? by : "day", columns);
	buf_init(&path, PATH_MAX_BYTES);
	buf_text(&path, "/v1/usage");
	client_query(&path, "from", call_text(call, "from"));
	client_query(&path, "until", call_text(call, "until"));
	client_query(&path, "by", by);
	outcome = listing_run(
		call, call_flag(call, "all") ? CLIENT_OPERATOR : CLIENT_JOBS, path.bytes, columns);
	buf_clear(&path);
	return outcome;
}
