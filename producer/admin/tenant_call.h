/* tenant_call.h - what the calls about a tenant keep while they run.
 *
 * Threads: one at a time, with the request.  Memory: the request's. */
#ifndef ADMIN_TENANT_CALL_H
#define ADMIN_TENANT_CALL_H

#include "domain/role.h"
#include "domain/webhook_sign.h"
#include "ground/apikey.h"
#include "record_call.h"
#include "stores/api_key.h"
#include "stores/shut_out.h"
#include "stores/subject_key.h"
#include "stores/tenant.h"

enum { TENANT_SCOPES_MAX = 1001 };
struct tenant_list;

struct tenant_call {
	struct record_call call; /* first */
	struct audit_actor by;
	char name[ROUTE_PARAM_MAX]; /* the tenant's */
	struct id of;		    /* a tenant's own caller: that tenant; zero: an operator */
	struct id tenant; /* told by tenant_find_op; a tenant's own caller's from the start */
	json_t *body;	  /* NULL: a reading */
	struct buf text, sealed; /* what is to be stored; as it is stored */
	struct subject_key own;	 /* by which it is sealed */
	struct db *db;		 /* the lane's, while its operation runs */
	char secret[WEBHOOK_SECRET_TEXT_MAX];
	char label[ROUTE_PARAM_MAX];			  /* a key's */
	char user[ROUTE_PARAM_MAX];			  /* whom a key acts for; "" = itself */
	char roles[ROLES_HELD_MAX * (ROLE_NAME_MAX + 1)]; /* a key's, with spaces; "" = the usual */
	char why[ROLE_PATH_MAX];			  /* they cannot be held or given */
	struct id key, after;
	struct id holder; /* whose roles a key has; zero: its own, or the usual */
	enum err refusal; /* with why */
	void (*judged)(struct record_call *call); /* key_rights_check's */
	char scopes[TENANT_SCOPES_MAX];		  /* a key's, with spaces between */
	bool has_scopes;
	int64_t seconds; /* a key's life, or the overlap of two; 0 = none */
	const struct tenant_list *list;
	size_t limit;
	unsigned retention;
	struct revocation ends;	  /* whom a call shuts out, or a dry run of it would */
	struct id issuer;	  /* by whose word for somebody that was named; zero: by none */
	char ends_type[4];	  /* as whom that was named, "usr"; "" = by no id */
	struct shut_out shut_out; /* how many: told by shut_out_op */
};

/* Is it a tenant's own call, and so about that tenant? Else an operator's, who names one. */
bool tenant_call_is_own(const struct request *r);
/* NULL: the request was answered. */
struct tenant_call *tenant_call_new(struct request *r, const char *name);
/* The same at the head of a struct of size bytes. */
struct tenant_call *tenant_call_sized(struct request *r, const char *name, size_t size);
/* Reads the id that the path names into t->key; none of its kind is told with that id, behind
 * "no issuer". False: it was answered so, as it is none. */
bool tenant_call_id(struct tenant_call *t, const char *prefix, const char *none);
/* Tells t->tenant by t->name; of a tenant's own caller t->name. ERR_NOT_FOUND */
extern const struct record_op tenant_find_op;
/* Finds the tenant of this name, then goes on. body is taken; NULL for a reading. */
void tenant_call_begin(
	struct request *r, const char *name, json_t *body, void (*then)(struct record_call *call));
/* Lists by op what the tenant that ?tenant= names has, else what op shows of t->tenant zero; a
 * tenant's own caller names none. prefix: of the ids that ?after= takes; NULL = no pages. */
struct tenant_list {
	const struct record_op *op;
	const char *prefix;
	int64_t page; /* elements at most */
};
void tenant_call_list(struct request *r, const struct tenant_list *list);
/* The call of a batch of one. */
struct tenant_call *tenant_call_of(const struct record_batch *batch);

/* Runs keyed with the tenant's own data key in t->own, made when there is none; t->tenant is known.
 */
MUST_CHECK enum err tenant_own_key(
	struct db *db, struct record_batch *batch, subject_key_done *keyed);
/* Appends to t->sealed, by that key. */
MUST_CHECK enum err tenant_own_close(
	struct tenant_call *t, enum sealed_place place, const void *bytes, size_t len);

#endif
