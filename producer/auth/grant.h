/* grant.h - what a token call is about to give, and the giving of it.
 *
 * Whatever way a client came (token_call.c has one row for each), it ends in a grant:
 * who, for which tenant, narrowed to which scopes. A grant becomes an access token,
 * signed here and now, and with the scope offline_access the first refresh token of
 * a family.
 *
 * Threads: one at a time, with the request.  Memory: grant_clear. */
#ifndef AUTH_GRANT_H
#define AUTH_GRANT_H

#include "access/caller.h"
#include "auth/oauth.h"
#include "identity/refresh_token.h"
#include "stores/refresh.h"

enum { GRANT_SCOPE_MAX = 1000 };

struct grant {
	struct id jti;			       /* of the access token */
	struct id tenant, key, family, issuer; /* zero: none */
	struct id sources[TOKEN_SOURCES_MAX];  /* the tokens that it is given for; zero: no more */
	char sub[ID_TEXT_MAX];
	char scope[GRANT_SCOPE_MAX + 1];
	bool is_narrowed; /* scope counts */
	bool is_offline;  /* a refresh token is wanted */
	json_t *roles;	  /* array, or NULL */
	int64_t most_ms;  /* it must not outlive this; 0: no matter */
	int64_t since_ms; /* when that was given which it is had by */
	uint8_t address[16];
	char refresh[REFRESH_TOKEN_MAX]; /* the one that goes out; "": none */
	const char *issued_type;	 /* of a token exchange; NULL */
};

/* asked: the scopes asked for, NULL: as much as the caller may. False: it was answered. */
bool grant_from_caller(
	struct request *r, const struct caller *caller, const char *asked, struct grant *grant);
/* The same from a family; asked narrows this token, not the family. */
bool grant_from_family(struct request *r, const struct refresh_family *family, const char *asked,
	struct grant *grant);
/* Signs and answers, be it with a failure. */
void grant_answer(struct request *r, const struct grant *grant);
void grant_clear(struct grant *grant);

#endif
