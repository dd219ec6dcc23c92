/* request.h - one call of the API, from its head to its reply.
 *
 * A request walks through a few stages. The server's thread drives them; where
 * something must be waited for, the request is parked (its connection suspended,
 * no thread held) and whoever has the answer resumes it:
 *
 *   HEAD ---> ACCESS ---> BODY ---> HANDLE ---> SENT
 *             (key, issuer,       (record, long poll)
 *              roles, limits,
 *              whose job)
 *
 * ACCESS is entered again after each of its parks (access/authorise.h), until all is known.
 * What an operator looks at is parked once more before HANDLE, in NOTE: the audit
 * has it first. So is what needs a second person (access/two_people.h).
 *
 * A refusal skips what is left, but for a small body, which is read and dropped.
 *
 * A handler answers r->reply and returns, or calls request_park *before* it hands
 * the request to another thread; that one fills r->reply and calls
 * request_resume exactly once, after which it must not touch r.
 *
 * Threads: one at a time, handed over by park and resume.  Memory: everything in
 * it dies with it; work (the handler's own) is freed by work_free. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "access/caller.h"
#include "domain/trace.h"
#include "ground/id.h"
#include "http/query.h"
#include "http/reply.h"
#include "http/route.h"

#include <stdbool.h>
#include <stdint.h>

struct authorise_object;
struct limit_ask;
struct producer;
struct server;
struct sse;

enum request_stage {
	REQUEST_HEAD,	/* as it begins */
	REQUEST_ACCESS, /* parked for whatever is asked before the body is read */
	REQUEST_BODY,
	REQUEST_NOTE, /* parked for its audit row, or for a second person's rule */
	REQUEST_HANDLE,
	REQUEST_SENT
};

enum { REQUEST_ADDRESS = 16 };

struct request {
	struct server *server;
	struct producer *producer;
	void *connection; /* the library's */
	enum request_stage stage;
	bool parked; /* in HANDLE; set and read by the server's thread only */
	struct route_match match;
	struct query query;
	bool access_asked; /* the record was asked; access_err is its answer */
	enum err access_err;
	int64_t refuse_at_ms; /* what is not proved, monotonic; 0: nothing was checked (unproved.h)
			       */
	bool keys_awaited;    /* of its token's issuer */
	bool noted;	      /* the audit knows of it; note_err is its answer */
	enum err note_err;
	bool gated; /* a second person was asked for; gate_err is its answer */
	enum err gate_err;
	uint8_t address[REQUEST_ADDRESS]; /* the client's, IPv6 or mapped into it */
	struct caller caller;		  /* ROUTE_GUEST: only once its call has asked */
	bool is_known;			  /* caller is who it says */
	struct limit_ask *limit;	  /* what its limits said; NULL: they were not asked */
	struct authorise_object *object;  /* the job it is about, once that was looked up */
	struct id id;
	char id_text[ID_TEXT_MAX];
	struct trace trace; /* the caller's, one span further, or our own */
	/* headers that handlers ask for; NULL when absent; valid for the request's life */
	const char *authorization, *idempotency_key, *if_none_match, *last_event_id, *content_type;
	bool head_only; /* HEAD */
	struct buf body;
	size_t body_counted;   /* of the server's memory for bodies */
	struct id body_tenant; /* whose share it is counted in */
	struct reply reply;
	size_t reply_counted; /* of the server's memory for replies */
	struct sse *stream;   /* set: the reply is an event stream */
	int64_t began_us;
	void *work;
	void (*work_free)(void *work);
	/* Called when the client was sent the whole reply, never for HEAD, for a failure, or for
	 * one that had gone; NULL: nothing depends on it. */
	void (*sent)(struct request *r);
};

/* Suspends the connection. Only on the server's thread, from a handler. */
void request_park(struct request *r);
/* Goes on with a parked request; any thread. */
void request_resume(struct request *r);

/* Answers with a problem document. */
void request_fail(struct request *r, enum err e);
void request_fail_detail(struct request *r, enum err e, const char *detail);
void request_fail_with(struct request *r, enum err e, const struct problems *p);
/* 401: why (may be NULL) is told in words that fit a header. */
void request_unauthorized(struct request *r, const char *why);
/* Both in one: for those who answer a parked request. */
void request_resume_failed(struct request *r, enum err e);

#endif
