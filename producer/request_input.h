/* request_input.h - what came with a request, checked against a table of fields.
 *
 * What is wrong is answered here, with every mistake and where it stands.
 *
 * Threads: the server's.  Memory: told below. */
#ifndef REQUEST_INPUT_H
#define REQUEST_INPUT_H

#include "http/request.h"
#include "ports/json.h"

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
