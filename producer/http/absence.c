#include "http/absence.h"

#include <stdio.h>
#include <string.h>

/* A path's word for many, and what one of them is called. */
static const struct {
	const char *many, *one;
} nouns[] = {
	{"/v1/jobs/{", "job"},
	{"/v1/queues/{", "queue called"},
	{"/v1/workers/{", "worker"},
	{"/v1/upstreams/{", "upstream called"},
	{"/v1/tenants/{name", "tenant called"},
	{"/v1/roles/{", "role called"},
	{"/v1/users/{", "user called"},
	{"/v1/api-keys/{id}/rotate", "good key (not rotated, revoked or run out)"},
	{"/v1/api-keys/{", "key"},
	{"/v1/approvals/{", "approval"},
};

const char *absence_text(const struct route_match *match, char out[ABSENCE_MAX])
{
	if (!match->route)
		return "nothing is served at this path";
	for (size_t i = 0; i < sizeof nouns / sizeof *nouns; i++) {
		if (strncmp(match->route->pattern, nouns[i].many, strlen(nouns[i].many)) != 0)
			continue;
		(void)snprintf(
			out, ABSENCE_MAX, "there is no %s %s", nouns[i].one, match->params[0]);
		return out;
	}
	return NULL;
}
