/* access_call.h - calls about roles and users: checked against a tenant's roles, then written.
 *
 *   whose?  (an operator's path names the tenant; a tenant's caller is in its own)
 *   load    the tenant's roles and their version
 *   judge   the call's own: what would be, in the book; what is wrong with it, in words
 *   sets    those roles that somebody holds together must go together still
 *   write   against the version; when another change came first, all of it once more
 *
 * Nobody gives or takes what they do not have: who is no operator must be allowed all
 * that the roles allow which they write, give or take away.
 *
 * Threads: one at a time, with the request.  Memory: the request's. */
#ifndef ROLES_ACCESS_CALL_H
#define ROLES_ACCESS_CALL_H

#include "access/authorise.h"
#include "domain/rights.h"
#include "record_call.h"
#include "stores/access.h"

struct access_call;

/* A call's own part. */
struct access_kind {
	/* On the book as it is loaded. ERR_OK: go on. Else why may say what is wrong. NULL: nothing
	 * to judge. */
	enum err (*judge)(struct access_call *a);
	/* The sets that are held are asked for first, and checked against the book as judged. */
	bool sets;
	/* With the book: reads or writes the rest, and writes the reply. NULL: judge did. */
	const struct record_op *op;
	/* After a success of op: true when it is to run once more. May be NULL. */
	bool (*more)(struct access_call *a);
};

enum {
	ACCESS_TRIES = 5,
	ACCESS_NAME_MAX = ROUTE_PARAM_MAX,
	ACCESS_HELD_MAX = ROLES_HELD_MAX * (ROLE_NAME_MAX + 1)
};

/* A user as it is, before a change. */
struct access_user {
	bool known, disabled;
	struct id id;
	char roles[ACCESS_HELD_MAX]; /* with spaces between */
};

struct access_call {
	struct record_call call; /* first */
	const struct access_kind *kind;
	struct audit_actor by;
	struct id tenant;
	char tenant_name[ACCESS_NAME_MAX]; /* an operator's call: the path's */
	char name[ACCESS_NAME_MAX];	   /* the role or user it is about; "" = all */
	json_t *body;
	bool dry_run;
	struct role_book *book;
	int64_t version;
	int tries; /* ACCESS_TRIES: a conflict is the answer */
	const char *set_from,
		*set_to; /* in held sets, to be read as if it were the other; NULL: as they are */
	char why[ROLE_PATH_MAX];
	permission_set gained, lost; /* by who holds the role that is changed */
	bool yourself;		     /* the caller loses something by it */
	bool counted;		     /* who holds it */
	int64_t users, keys, moved;
	struct id after;
	size_t limit;
	int turn;		   /* of an op that runs several times */
	struct access_user before; /* a change of a user's */
	/* an explanation's */
	struct caller asked; /* whom it is about, as if they came; a user without a credential */
	bool is_revoked;     /* the key by itself */
	bool is_denied;	     /* what it was given, or the key, by the list of revocations */
	struct id key, job;
	bool has_object;
	struct authorise_object object;
};

/* Begins it: body may be NULL and is taken. name: which parameter of the path it is behind the
 * tenant's, if any ("" when none). */
void access_call_start(
	struct request *r, const struct access_kind *kind, json_t *body, bool is_named);
struct access_call *access_call_of(const struct record_batch *batch);

/* Texts of an array of a body; at most max. The number of them. Elements that are no texts are
 * told. */
size_t access_texts(const json_t *list, const char **ret_texts, size_t max);

/* ERR_NOT_FOUND, with why: there is no such thing of this name. */
enum err access_none(struct access_call *a, const char *what, const char *name);
/* What a check of roles came to (domain/role.h), as a call's outcome: they are the caller's
 * mistake. */
enum err access_checked(enum err e);
/* Of roles held together by a tenant's people: there, without contradiction, none of an operator's,
 * and no more than the caller has itself.
 *   ERR_INVALID_FIELD  why says what is wrong     ERR_FORBIDDEN  more than the caller has */
MUST_CHECK enum err access_may_give(struct access_call *a, const char *const *roles, size_t n);
/* Of those that somebody holds already, with spaces between: no more than the caller has. */
MUST_CHECK enum err access_may_take(struct access_call *a, const char *held);

/* All that these roles may allow together under some condition; held: with spaces between. */
permission_set access_set(const struct access_call *a, const char *const *roles, size_t n);
permission_set access_held_set(const struct access_call *a, const char *held);
/* ,"roles":[] of names with spaces between. */
void access_roles_put(struct buf *out, const char *roles);
/* Permissions as a JSON list. */
void access_permissions_put(struct buf *out, permission_set set);

extern const struct record_op access_load_op, access_sets_op, access_tenant_op;

#endif
