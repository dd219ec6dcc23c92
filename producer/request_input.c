#include "request_input.h"

#include "producer.h"

json_t *request_input_body(struct request *r, const struct json_field *fields, bool may_be_empty)
{
	struct problems p = {0};
	json_t *body = NULL;
	enum err e = ERR_OK;

	if (r->body.len == 0 && may_be_empty)
		body = json_object();
	else
		e = json_read(r->body.bytes ? r->body.bytes : "", r->body.len,
			(int)r->producer->config->limits.json_depth, &p, &body);
	if (e == ERR_TOO_LARGE)
		e = ERR_INVALID_JSON;
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
