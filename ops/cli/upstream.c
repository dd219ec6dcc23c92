#include "handlers.h"
#include "listing.h"

static const struct column columns[] = {
	{"UPSTREAM", "name", COLUMN_PLAIN},
	{"ADDRESS", "base_url", COLUMN_PLAIN},
	{"DIALECT", "dialect", COLUMN_PLAIN},
	{"MODELS", "models", COLUMN_PLAIN},
	{"KEYS", "keys", COLUMN_PLAIN},
	{NULL, NULL, COLUMN_PLAIN},
};

enum outcome upstream_list_run(struct call *call)
{
	return listing_run(call, CLIENT_OPERATOR, "/v1/upstreams", columns);
}
