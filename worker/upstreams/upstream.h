/* upstream.h - the model servers of the configuration, and which serves a model.
 *
 * The first row whose patterns fit a model's name serves it. Rows live as long
 * as the worker; a reload changes what they say in place, names stay.
 *
 * To add an upstream, add a row to the configuration. To add a dialect, add a row
 * to core/domain/upstream_dialect.c. To add a kind of reply, add a row to reply.c.
 *
 * Threads: the loop's.  Memory: keys are wiped when replaced. */
#ifndef UPSTREAMS_UPSTREAM_H
#define UPSTREAMS_UPSTREAM_H

#include "config/config.h"
#include "ports/http.h"
#include "upstreams/json_text.h"
#include "upstreams/reply.h"

struct upstream {
	const struct config_upstream *config; /* of the config that upstreams holds */
	char *key_header;		      /* NULL = none is sent */
	size_t in_flight;
};

struct upstreams {
	struct config *config; /* held */
	struct upstream *list;
	size_t n;
};

/* Reads the keys. ERR_CONFIG: a key file cannot be read (it is logged), ERR_NOMEM */
MUST_CHECK enum err upstreams_new(struct config *config, struct upstreams **ret_upstreams);
void upstreams_free(struct upstreams *u);
/* Both or nothing. The rows' number and names must be what they were. */
MUST_CHECK enum err upstreams_reload(struct upstreams *u, struct config *config);
/* NULL: none serves it. model may be NULL: then only "*" fits. */
struct upstream *upstreams_find(struct upstreams *u, const char *model);

/* The request body: what the caller sent, with a stream asked for where the caller left it open.
 * ERR_INVALID_JSON, ERR_NOMEM, ERR_TOO_LARGE */
MUST_CHECK enum err upstream_body(const struct upstream *up, const struct reply_kind *kind,
	struct json_text input, struct buf *out);
/* What the server wants to see on every call: the key, its dialect's version. Ends with NULL. */
enum { UPSTREAM_HEADERS = 3 };
void upstream_headers(const struct upstream *up, const char *ret_headers[UPSTREAM_HEADERS]);
/* base_url and path. ERR_NOMEM */
MUST_CHECK enum err upstream_url(const struct upstream *up, const char *path, struct buf *out);

#endif
