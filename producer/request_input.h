/* request_input.h - what came with a request, checked against a table of fields.
 *
 * What is wrong is answered here, with every mistake and where it stands.
 *
 * Threads: the server's.  Memory: told below. */
#ifndef REQUEST_INPUT_H
#define REQUEST_INPUT_H

#include "http/request.h"
#include "ports/json.h"

struct config;

/* What a body may be once it is read. */
struct json_bounds request_input_bounds(const struct config *config);
/* The body as a value, which counts as the request's until that is answered (http/body_memory.h).
 *   ERR_INVALID_JSON (p says where), ERR_UNAVAILABLE, ERR_NOMEM */
MUST_CHECK enum err request_input_json(struct request *r, struct problems *p, json_t **ret_body);
/* The body as an object, checked against fields. NULL: the request was answered. An empty body is
 * an empty object when that may be. The caller's to decref. */
json_t *request_input_body(struct request *r, const struct json_field *fields, bool may_be_empty);
/* True when the query holds nothing but fields; else the request was answered. */
bool request_input_query(struct request *r, const struct query_field *fields);
/* The same where dry_run is all that it may hold. */
bool request_input_dry(struct request *r);
/* Was it asked with dry_run=true? */
bool request_input_is_dry(const struct request *r);

#endif
