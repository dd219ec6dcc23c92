#include "http/request.h"

#include "http/absence.h"

#include <microhttpd.h>

#define UNAUTHORIZED_TEXT "no valid key was given: send it as Authorization: Bearer KEY"

void request_park(struct request *r)
{
	r->parked = true;
	MHD_suspend_connection(r->connection);
}

void request_resume(struct request *r)
{
	MHD_resume_connection(r->connection);
}

void request_fail(struct request *r, enum err e)
{
	char absent[ABSENCE_MAX];

	reply_problem(&r->reply, e, e == ERR_NOT_FOUND ? absence_text(&r->match, absent) : NULL,
		NULL, r->id_text);
}

void request_fail_detail(struct request *r, enum err e, const char *detail)
{
	reply_problem(&r->reply, e, detail, NULL, r->id_text);
}

void request_fail_with(struct request *r, enum err e, const struct problems *p)
{
	reply_problem(&r->reply, e, NULL, p, r->id_text);
}

void request_unauthorized(struct request *r, const char *why)
{
	reply_problem(&r->reply, ERR_UNAUTHORIZED, why ? why : UNAUTHORIZED_TEXT, NULL, r->id_text);
	if (why) {
		r->reply.headers_n--; /* the plain challenge */
		reply_header(&r->reply, "WWW-Authenticate",
			"Bearer error=\"invalid_token\", error_description=\"%s\"", why);
	}
}

void request_resume_failed(struct request *r, enum err e)
{
	request_fail(r, e);
	request_resume(r);
}
