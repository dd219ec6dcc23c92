#include "simulator/server.h"

#include "ground/clock.h"
#include "simulator/answer.h"

#include <stdbool.h>
#include <string.h>

enum { CONTROL_MAX = 512 << 20 };

static const char nothing_there[] = "there is no such path here";

static void reply_error(struct server *s, struct conn *c, int status, const char *message)
{
	buf_reset(&s->scratch);
	dialect_refuse(status, NULL, message, &s->scratch);
	conn_reply(s, c, status, NULL, &s->scratch);
}

static void reply_text(struct server *s, struct conn *c, const char *json)
{
	buf_reset(&s->scratch);
	buf_text(&s->scratch, json);
	conn_reply(s, c, 200, NULL, &s->scratch);
}

static void models_list(struct server *s, struct conn *c, const struct request *r)
{
	reply_text(s, c,
		"{\"object\":\"list\",\"data\":[{\"id\":\"sim\",\"object\":\"model\","
		"\"created\":1735689600,\"owned_by\":\"longhaul\"}]}");
}

static void calls_show(struct server *s, struct conn *c, const struct request *r)
{
	long limit = slice_number(slice_query(r->query, "limit"), CALLS_PAGE_MAX);
	struct calls_query q = {.job = slice_query(r->query, "job"),
		.after = (uint64_t)slice_number(slice_query(r->query, "after"), 0),
		.limit = (size_t)(limit < CALLS_PAGE_MAX ? limit : CALLS_PAGE_MAX)};
	struct buf body;

	buf_init(&body, CONTROL_MAX);
	enum err e = slice_query(r->query, "summary").len ? calls_summary(s->calls, &body)
							  : calls_list(s->calls, &q, &body);
	if (e == ERR_OK)
		conn_reply(s, c, 200, NULL, &body);
	else
		reply_error(s, c, 503, err_text(e));
	buf_clear(&body);
}

static void calls_delete(struct server *s, struct conn *c, const struct request *r)
{
	calls_empty(s->calls);
	reply_text(s, c, "{\"deleted\":true}");
}

/* Every member but for_ms is a parameter as in a model's name. */
static enum err fault_read(const json_t *body, struct behaviour *ret, int64_t *ret_ms)
{
	struct behaviour b;
	enum err e = json_is_object(body) ? ERR_OK : ERR_INVALID_FIELD;
	const char *name;
	json_t *value;

	behaviour_init(&b);
	json_object_foreach((json_t *)body, name, value)
	{
		if (e != ERR_OK || !json_is_number(value))
			return ERR_INVALID_FIELD;
		if (strcmp(name, "for_ms") == 0)
			*ret_ms = (int64_t)json_number_value(value);
		else
			e = behaviour_set(&b, name, strlen(name), json_number_value(value));
	}
	if (e == ERR_OK)
		*ret = b;
	return e;
}

static void faults_set(struct server *s, struct conn *c, const struct request *r)
{
	int64_t for_ms = 3600000;
	json_t *body = NULL;

	s->problems.n = s->problems.total = 0;
	enum err e = json_read(r->body.at, r->body.len, 4, &s->problems, &body);
	if (e == ERR_OK)
		e = fault_read(body, &s->fault, &for_ms);
	json_decref(body);
	if (e != ERR_OK) {
		reply_error(s, c, 400, "for_ms and the parameters of a model's name, as numbers");
		return;
	}
	s->fault_until_us = clock_us() + for_ms * 1000;
	reply_text(s, c, "{\"set\":true}");
}

static void faults_delete(struct server *s, struct conn *c, const struct request *r)
{
	s->fault_until_us = 0;
	reply_text(s, c, "{\"deleted\":true}");
}

static void health(struct server *s, struct conn *c, const struct request *r)
{
	reply_text(s, c, "{\"status\":\"ok\"}");
}

static const struct route {
	const char *method;
	const char *path;
	void (*serve)(struct server *s, struct conn *c, const struct request *r);
} routes[] = {
	{"GET", "/calls", calls_show},
	{"DELETE", "/calls", calls_delete},
	{"POST", "/faults", faults_set},
	{"DELETE", "/faults", faults_delete},
	{"GET", "/healthz", health},
	{"GET", "/models", models_list},
	{"GET", "/v1/models", models_list},
};

void route_serve(struct server *s, struct conn *c, const struct request *r)
{
	const struct dialect *d = dialect_find(r->path.at, r->path.len);

	if (d && slice_is(r->method, "POST")) {
		answer_start(s, c, d, r);
		return;
	}
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (slice_is(r->method, routes[i].method) && slice_is(r->path, routes[i].path)) {
			routes[i].serve(s, c, r);
			return;
		}
	reply_error(s, c, d ? 405 : 404, nothing_there);
}
