#include "request_input.h"

#include "http/body_memory.h"
#include "producer.h"

struct json_bounds request_input_bounds(const struct config *config)
{
	return (struct json_bounds){
		(int)config->limits.json_depth, (size_t)config->limits.json_memory_mb << 20};
}

enum err request_input_json(struct request *r, struct problems *p, json_t **ret_body)
{
	const struct json_bounds bounds = request_input_bounds(r->producer->config);
	const char *bytes = r->body.bytes ? r->body.bytes : "";
	const size_t len = r->body.len;
	json_t *body = NULL;
	enum err e = json_read_within(bytes, len, &bounds, p, &body);

	if (e)
		return e == ERR_TOO_LARGE ? ERR_INVALID_JSON : e;
	e = body_memory_expect(r, len + json_weight(bytes, len));
	if (e)
		json_decref(body);
	else
		*ret_body = body;
	return e;
}

json_t *request_input_body(struct request *r, const struct json_field *fields, bool may_be_empty)
{
	struct problems p = {0};
	json_t *body = NULL;
	enum err e = ERR_OK;

	if (r->body.len == 0 && may_be_empty)
		body = json_object();
	else
		e = request_input_json(r, &p, &body);
	if (!e && !json_is_object(body)) {
		problems_add(&p, "", "must be an object");
		e = ERR_INVALID_FIELD;
	}
	if (!e && !json_check(body, "", fields, &p))
		e = ERR_INVALID_FIELD;
	if (e) {
		request_fail_with(r, e, &p);
		json_decref(body);
		return NULL;
	}
	return body;
}

bool request_input_query(struct request *r, const struct query_field *fields)
{
	struct problems p = {0};

	if (query_check(&r->query, fields, &p))
		return true;
	request_fail_with(r, ERR_INVALID_FIELD, &p);
	return false;
}

bool request_input_dry(struct request *r)
{
	static const struct query_field fields[] = {
		{"dry_run", QUERY_BOOL, 0, 0}, {NULL, QUERY_TEXT, 0, 0}};

	return request_input_query(r, fields);
}

bool request_input_is_dry(const struct request *r)
{
	return query_bool(&r->query, "dry_run") == 1;
}
