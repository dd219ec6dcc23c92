/* Request lines and headers: paths find one row or none, queries stay in range, guards do not read
 * on. */
#include "http/guard.h"
#include "http/query.h"
#include "http/route.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void nothing(struct request *r)
{
	(void)r;
}

static const struct route ROUTES[] = {
	{"GET", "/v1/jobs", ROUTE_PUBLIC, ROUTE_TENANT, ROUTE_NO_BODY, nothing, PERMISSION_JOB_READ,
		ROUTE_JOB},
	{"GET", "/v1/jobs/{id}", ROUTE_PUBLIC, ROUTE_TENANT, ROUTE_NO_BODY, nothing,
		PERMISSION_JOB_READ, ROUTE_JOB},
	{"POST", "/v1/jobs/{id}/cancel", ROUTE_BOTH, ROUTE_TENANT, ROUTE_NO_BODY, nothing,
		PERMISSION_JOB_READ, ROUTE_JOB},
	{0},
};

static void check_path(const char *path)
{
	struct route_match match = {.route = NULL};

	if (route_find(ROUTES, ROUTE_PUBLIC, "GET", path, &match) == ERR_OK &&
		(match.route == NULL || strncmp(path, "/v1/jobs", 8) != 0))
		abort();
}

static void check_query(const char *name, const char *value)
{
	static const struct query_field fields[] = {
		{"wait", QUERY_INT, 0, 60},
		{"dead", QUERY_BOOL, 0, 0},
		{"after", QUERY_TIME, 0, 0},
		{"queue", QUERY_TEXT, 1, 64},
		{NULL, QUERY_TEXT, 0, 0},
	};
	struct problems problems = {.n = 0};
	struct query query = {.n = 0};

	query_add(&query, name, value);
	query_add(&query, "queue", value);
	if (!query_check(&query, fields, &problems))
		return;
	if (query_int(&query, "wait", 0) < 0 || query_int(&query, "wait", 0) > 60)
		abort();
	query_bool(&query, "dead");
	query_time(&query, "after");
}

static void check_head(char *text, size_t len)
{
	struct guard_head head = {.target = text, .version = "HTTP/1.1"};
	char *at = text;

	/* name, value, name, value, each ended by a NUL, as libmicrohttpd leaves them. */
	while (at < text + len && head.n < GUARD_HEADERS_MAX) {
		char *value = at + strlen(at) + 1;

		if (value >= text + len)
			break;
		head.headers[head.n++] = (struct guard_header){at, value};
		at = value + strlen(value) + 1;
	}
	head.total = head.n;
	guard_fault(&head, false);
	guard_fault(&head, true);
	guard_value(&head, "host");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *text = calloc(1, len + 4); /* the library's pool goes on behind a head */

	if (text == NULL)
		return 0;
	if (len > 0)
		memcpy(text, bytes, len);
	check_path(text);
	check_query("wait", text);
	check_query(text, text + strlen(text));
	check_head(text, len);
	free(text);
	return 0;
}
