/* oauth.h - the common part of OAuth's calls (RFC 6749, 7009, 8693): who the client is, and how it
 * is told no.
 *
 * A client is an API key: its id is the client id, its text the secret. It may come
 * in the head (Basic or Bearer) or in the form, one way at a time.
 *
 * Threads: one at a time, with the request.  Memory: the request's. */
#ifndef AUTH_OAUTH_H
#define AUTH_OAUTH_H

#include "http/form.h"
#include "record_call.h"

/* RFC 6749, 5.2, and what a server that cannot tell says. */
#define OAUTH_ERRORS(X)                                     \
	X(INVALID_REQUEST, "invalid_request", 400)          \
	X(INVALID_CLIENT, "invalid_client", 401)            \
	X(INVALID_GRANT, "invalid_grant", 400)              \
	X(UNAUTHORIZED_CLIENT, "unauthorized_client", 400)  \
	X(UNSUPPORTED_GRANT, "unsupported_grant_type", 400) \
	X(INVALID_SCOPE, "invalid_scope", 400)              \
	X(REVOCATIONS_FULL, "revocations_full", 429)        \
	X(UNAVAILABLE, "temporarily_unavailable", 503)
#define OAUTH_NAME(name, text, status) OAUTH_##name,
enum oauth_error { OAUTH_ERRORS(OAUTH_NAME) OAUTH_ERROR_COUNT_ };
#undef OAUTH_NAME

/* Its content type says so. */
bool oauth_is_form(const struct request *r);
/* Answers; why is one sentence, without quotes. */
void oauth_fail(struct request *r, enum oauth_error error, const char *why);
/* 200 with a body to be filled, that nobody may keep. */
struct buf *oauth_reply(struct request *r);

enum { OAUTH_SECRET_MAX = 256 };
/* What a client said of itself; secret is wiped by whoever asked. */
struct oauth_client {
	char id[OAUTH_SECRET_MAX]; /* "": not said */
	char secret[OAUTH_SECRET_MAX];
};
/* False: it said nothing, or said it in a way that nobody can read. */
bool oauth_client_read(
	const struct request *r, const struct form *form, struct oauth_client *ret_client);

/* r->caller, once keys_find has told: a tenant's key of this id that still may come.
 * False: it was answered. */
bool oauth_client_stands(struct request *r, const struct oauth_client *client);

#endif
