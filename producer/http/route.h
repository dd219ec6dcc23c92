/* route.h - which handler a request goes to: one table of rows.
 *
 * A pattern is a path whose segments are words or parameters, `/v1/jobs/{id}`.
 * Words win over parameters, so `/v1/jobs/bulk` is not a job called bulk. A
 * parameter is one segment, percent-decoded, non-empty, of at most
 * ROUTE_PARAM_MAX - 1 bytes. Paths are matched as they were sent: no case
 * folding, no `//`, no dot segments, no slash at the end.
 *
 * A row of the method "*" has a prefix for its pattern: whatever its method, a path that is
 * it or goes on below it, where no other row has that path.
 *
 * Threads: pure.  Memory: static. */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include "domain/permission.h"
#include "ground/err.h"

#include <stdbool.h>
#include <stddef.h>

struct request;
/* Answers r->reply and returns, or parks the request (request_park) and answers later. */
typedef void route_handler_fn(struct request *r);

enum route_listener { ROUTE_PUBLIC, ROUTE_ADMIN, ROUTE_BOTH };
/* A guest is not asked who it is, but limited as a stranger. */
enum route_access { ROUTE_OPEN, ROUTE_GUEST, ROUTE_TENANT, ROUTE_OPERATOR };
/* How much of a body a route takes. ROUTE_OPENAI: one that an SDK of OpenAI's sends, which is
 * refused in their words (openai_error.h). */
enum route_body { ROUTE_NO_BODY, ROUTE_JSON, ROUTE_FORM, ROUTE_BULK, ROUTE_OPENAI };

/* What the call is about, and so what else must be known before it may go on. */
enum route_object {
	ROUTE_THING,   /* something of the tenant's or the installation's as a whole */
	ROUTE_PROCESS, /* how this process does, and nothing of the record: shown while that is
			  away, to whoever was good when it last answered */
	ROUTE_JOB,     /* the job that {id} names: whose is it? */
	ROUTE_LIST,    /* jobs: the handler asks whose may be shown */
	ROUTE_BODY,    /* what the body tells: the handler asks for each job */
};

struct route {
	const char *method;
	const char *pattern;
	enum route_listener listener;
	enum route_access access;
	enum route_body body;
	route_handler_fn *handler;
	enum permission permission; /* a caller must be allowed; PERMISSIONS: nothing is asked */
	enum route_object object;
};

enum { ROUTE_PARAMS_MAX = 2, ROUTE_PARAM_MAX = 80, ROUTE_ALLOW_MAX = 64 };

struct route_match {
	const struct route *route;
	char params[ROUTE_PARAMS_MAX][ROUTE_PARAM_MAX];
	char allow[ROUTE_ALLOW_MAX]; /* ERR_METHOD: what would do, for the Allow header */
	enum route_body body;	     /* also then: what the path takes with the last of those */
};

/* The method of a row whose pattern is a prefix. */
#define ROUTE_BELOW "*"

/* Looks through routes (ends with a NULL method). HEAD is served as GET.
 *   ERR_NOT_FOUND  no such path on this listener      ERR_METHOD  not with this method */
MUST_CHECK enum err route_find(const struct route *routes, enum route_listener listener,
	const char *method, const char *path, struct route_match *ret_match);

/* Decodes %XX (and, in a query, +). False on a bad escape, a NUL, or too little room. */
bool route_unescape(const char *text, size_t len, bool query, char *out, size_t room);

#endif
