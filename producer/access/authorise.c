#include "access/authorise.h"

#include "access/holders.h"
#include "access/keys.h"
#include "limits/limit_reply.h"
#include "limits/limiter.h"
#include "producer.h"

#include <stdio.h>
#include <stdlib.h>

enum { OBJECTS_MAX = 100, DETAIL_MAX = 120 };

static const char own[] = "own", other[] = "other";

/* ---- facts and decisions ---- */

/* The credential's scopes, before any role is asked for. */
bool authorise_scope(const struct caller *caller, enum permission p)
{
	return caller_scope_allows(caller, permission_text(p));
}

bool authorise_may_hand(const struct caller *caller, const struct rights *rights)
{
	const permission_set set = rights_set(rights);

	for (enum permission p = 0; p < PERMISSIONS; p++)
		if ((set & permission_bit(p)) && !authorise_scope(caller, p))
			return false;
	return rights_cover(caller->rights, rights);
}

bool authorise_always(const struct caller *caller, enum permission p)
{
	return caller->rights && (caller->rights->always & permission_bit(p)) &&
	       authorise_scope(caller, p);
}

const char *authorise_region(const struct config *config)
{
	return config->producer.region[0] ? config->producer.region : NULL;
}

bool authorise_may(const struct config *config, const struct caller *caller, enum permission p,
	const struct rule_facts *facts)
{
	struct rule_facts all = *facts;

	all.words[RULE_REGION] = authorise_region(config);
	return authorise_scope(caller, p) && rights_allow(caller->rights, p, &all, NULL);
}

struct rule_facts authorise_facts_own(const char *queue, const char *model, int64_t priority)
{
	return (struct rule_facts){{NULL, own, queue, model}, priority, RULE_UNKNOWN};
}

struct rule_facts authorise_facts_of(const struct authorise_object *o)
{
	struct rule_facts facts = RULE_FACTS_NONE;

	facts.words[RULE_OWNER] = o->is_own ? own : other;
	facts.words[RULE_QUEUE] = o->queue;
	facts.words[RULE_MODEL] = o->model;
	facts.priority = o->priority;
	facts.cost_nano = 0; /* it was accepted at what it was estimated to cost */
	return facts;
}

enum err authorise_list(const struct request *r, const char *queue, struct job_filter *filter)
{
	const struct config *config = r->producer->config;
	enum permission p = r->match.route->permission;
	struct rule_facts facts = RULE_FACTS_NONE;

	if (r->match.route->access == ROUTE_OPERATOR || authorise_always(&r->caller, p))
		return ERR_OK;
	facts.words[RULE_QUEUE] = queue;
	facts.words[RULE_MODEL] = filter->model;
	facts.words[RULE_OWNER] = own;
	if (!authorise_may(config, &r->caller, p, &facts))
		return ERR_FORBIDDEN;
	facts.words[RULE_OWNER] = other;
	if (!authorise_may(config, &r->caller, p, &facts))
		filter->principal = r->caller.principal;
	return ERR_OK;
}

bool authorise_move(const struct request *r, const char *queue, int priority)
{
	struct rule_facts facts;

	if (authorise_always(&r->caller, PERMISSION_JOB_SUBMIT) || !r->object)
		return true;
	facts = authorise_facts_of(r->object);
	if (queue)
		facts.words[RULE_QUEUE] = queue;
	if (priority >= 0)
		facts.priority = priority;
	return authorise_may(r->producer->config, &r->caller, PERMISSION_JOB_SUBMIT, &facts);
}

bool authorise_still(const struct config *config, const struct caller *caller, enum permission p,
	const struct authorise_object *object)
{
	struct rule_facts facts;

	if (authorise_always(caller, p) || !object)
		return authorise_always(caller, p);
	facts = authorise_facts_of(object);
	return authorise_may(config, caller, p, &facts);
}

bool authorise_shows(const struct request *r)
{
	return authorise_still(r->producer->config, &r->caller, PERMISSION_JOB_READ, r->object);
}

/* ---- the job that a path names ---- */

struct object_look {
	struct record_item item; /* first */
	struct request *r;
	struct job_key key;
};

void authorise_object_of(
	const struct job_row *row, struct id principal, struct authorise_object *ret_object)
{
	ret_object->is_there = true;
	ret_object->is_own = id_equal(row->principal, principal);
	ret_object->priority = row->priority;
	(void)snprintf(ret_object->queue, sizeof ret_object->queue, "%s", row->queue);
	(void)snprintf(ret_object->model, sizeof ret_object->model, "%s", row->model);
}

static enum err object_take(struct object_look *look, const struct job_row *row)
{
	struct request *r = look->r;

	r->object = calloc(1, sizeof *r->object);
	if (!r->object)
		return ERR_NOMEM;
	authorise_object_of(row, r->caller.principal, r->object);
	r->object->is_there =
		id_equal(row->job, look->key.job) && id_equal(row->tenant, look->key.tenant);
	r->object->is_own = r->object->is_own && r->object->is_there;
	return ERR_OK;
}

static void objects_told(void *ctx, enum err e, const struct job_row *rows, size_t n)
{
	struct record_batch *batch = ctx;

	if (!e && n != batch->n)
		e = ERR_DB;
	for (size_t i = 0; !e && i < batch->n; i++)
		batch->items[i]->outcome =
			object_take((struct object_look *)(void *)batch->items[i], &rows[i]);
	record_batch_end(batch, e);
}

static enum err objects_run(struct db *db, struct record_batch *batch)
{
	struct job_key keys[OBJECTS_MAX];

	for (size_t i = 0; i < batch->n; i++)
		keys[i] = ((struct object_look *)(void *)batch->items[i])->key;
	return job_near(db, keys, batch->n, objects_told, batch);
}

const struct record_op object_op = {"object", RECORD_READS, OBJECTS_MAX, objects_run, NULL};

static void object_done(struct record_item *item, enum err e)
{
	struct object_look *look = (struct object_look *)(void *)item;
	struct request *r = look->r;

	r->access_err = e;
	free(look);
	request_resume(r);
}

static enum err object_look(struct request *r)
{
	struct object_look *look;
	struct id job;
	enum err e;

	if (!id_parse("job", r->match.params[0], &job))
		return ERR_NOT_FOUND;
	look = calloc(1, sizeof *look);
	if (!look)
		return ERR_NOMEM;
	look->r = r;
	look->key = (struct job_key){r->caller.tenant, job};
	look->item.op = &object_op;
	look->item.done = object_done;
	request_park(r);
	e = record_add(r->producer->record, &look->item);
	if (e)
		object_done(&look->item, e);
	return ERR_OK;
}

/* ---- the walk: who, what it holds, what it is about ---- */

static bool needs_object(const struct request *r)
{
	enum permission p = r->match.route->permission;

	return r->match.route->object == ROUTE_JOB && !r->object &&
	       !(authorise_always(&r->caller, p) &&
		       authorise_always(&r->caller, PERMISSION_JOB_READ) &&
		       (p != PERMISSION_JOB_CHANGE ||
			       authorise_always(&r->caller, PERMISSION_JOB_SUBMIT)));
}

/* A job that is not there is judged as another's first: its refusal takes no less time. */
static enum err decide_object(const struct request *r)
{
	const struct config *config = r->producer->config;
	const struct rule_facts facts = authorise_facts_of(r->object);
	const bool may = authorise_may(config, &r->caller, r->match.route->permission, &facts);

	if (!may && authorise_may(config, &r->caller, PERMISSION_JOB_READ, &facts) &&
		r->object->is_there)
		return ERR_FORBIDDEN;
	return may && r->object->is_there ? ERR_OK : ERR_NOT_FOUND;
}

/* What is known so far; facts that will be known later count as if they were right. */
static enum err decide(const struct request *r)
{
	enum permission p = r->match.route->permission;
	struct rule_facts facts = RULE_FACTS_NONE;

	if (r->object)
		return decide_object(r);
	facts.words[RULE_REGION] = authorise_region(r->producer->config);
	if (r->match.route->object != ROUTE_THING && r->match.route->object != ROUTE_PROCESS)
		return rights_may_allow(r->caller.rights, p, &facts) ? ERR_OK : ERR_FORBIDDEN;
	facts.words[RULE_OWNER] = other;
	return rights_allow(r->caller.rights, p, &facts, NULL) ? ERR_OK : ERR_FORBIDDEN;
}

static enum err rights_get(struct request *r, bool *ret_parked)
{
	enum err e;

	if (r->caller.rights)
		return ERR_OK;
	r->caller.rights = holders_find(r->producer->holders, &r->caller, keys_vouched_ms(r));
	if (r->caller.rights)
		return ERR_OK;
	e = holders_look(r->producer->holders, r);
	*ret_parked = !e;
	return e;
}

static enum err walk(struct request *r, bool *ret_parked)
{
	enum err e = r->access_err;

	if (!e)
		e = rights_get(r, ret_parked);
	if (!e && !*ret_parked)
		e = limiter_check(
			r, ret_parked); /* before any no: being refused is no way around it */
	if (!e && !*ret_parked && !authorise_scope(&r->caller, r->match.route->permission))
		e = ERR_FORBIDDEN;
	if (!e && !*ret_parked)
		e = decide(r);
	if (!e && !*ret_parked && needs_object(r)) {
		e = object_look(r);
		*ret_parked = !e;
	}
	return e;
}

/* Who guesses keys, or comes to the wrong door with one, is limited too: the refusal stands
 * already. */
static enum err stranger_check(struct request *r, enum err stands, bool *ret_parked)
{
	enum err e = limiter_check(r, ret_parked);

	if (e == ERR_RATE_LIMITED)
		limit_refuse(r);
	return e || *ret_parked ? e : stands;
}

void authorise_challenge(struct request *r, enum permission p)
{
	if (!authorise_scope(&r->caller, p))
		reply_header(&r->reply, "WWW-Authenticate",
			"Bearer error=\"insufficient_scope\", scope=\"%s\"", permission_text(p));
}

void authorise_refuse(struct request *r, enum permission p)
{
	char detail[DETAIL_MAX];

	(void)snprintf(detail, sizeof detail, "this needs %s%s", permission_text(p),
		authorise_scope(&r->caller, p) ? "" : ", for which its scopes leave no room");
	request_fail_detail(r, ERR_FORBIDDEN, detail);
	authorise_challenge(r, p);
}

static enum err guest_check(struct request *r, bool *ret_parked)
{
	const enum err e = limiter_check(r, ret_parked);

	if (e == ERR_RATE_LIMITED)
		limit_refuse(r);
	else if (e)
		request_fail(r, e);
	return e;
}

enum err authorise_check(struct request *r, bool *ret_parked)
{
	enum err e;

	if (r->match.route->access == ROUTE_GUEST)
		return guest_check(r, ret_parked);
	if (!r->is_known) {
		e = keys_check(r, ret_parked);
		if (e == ERR_UNAUTHORIZED || e == ERR_FORBIDDEN)
			return stranger_check(r, e, ret_parked);
		if (e || *ret_parked)
			return e;
		r->is_known = true;
	}
	e = walk(r, ret_parked);
	if (e == ERR_RATE_LIMITED)
		limit_refuse(r);
	else if (e == ERR_FORBIDDEN)
		authorise_refuse(r, r->match.route->permission);
	else if (e)
		request_fail(r, e);
	return e;
}
