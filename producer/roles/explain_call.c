#include "roles/explain_call.h"

#include "access/authorise.h"
#include "domain/money.h"
#include "jobs/job_json.h"
#include "producer.h"
#include "request_input.h"
#include "roles/access_call.h"
#include "stores/app_user.h"
#include "stores/job_read.h"

#include <string.h>

/* The answer is gathered in three looks, each a turn of the one operation: the user's id by name,
 * the job that it is about, and what is held. */
enum turn { TURN_USER, TURN_JOB, TURN_HOLDER, TURNS };

static const char *asked(const struct access_call *a, const char *name)
{
	return query_text(&a->call.r->query, name);
}

static struct rule_facts facts_of(const struct access_call *a)
{
	struct rule_facts facts = RULE_FACTS_NONE;
	const char *cost = asked(a, "cost_usd");
	const char *region = a->call.r->producer->config->producer.region;

	facts.words[RULE_REGION] = asked(a, "region");
	if (!facts.words[RULE_REGION] && region[0])
		facts.words[RULE_REGION] = region;
	facts.words[RULE_OWNER] = asked(a, "owner");
	facts.words[RULE_QUEUE] = asked(a, "queue");
	facts.words[RULE_MODEL] = asked(a, "model");
	facts.priority = query_int(&a->call.r->query, "priority", RULE_UNKNOWN);
	if (cost && !money_parse(cost, &facts.cost_nano))
		facts.cost_nano = RULE_UNKNOWN;
	return facts;
}

static void facts_of_job(const struct access_call *a, struct rule_facts *facts)
{
	const struct authorise_object *o = &a->object;

	if (!a->has_object)
		return;
	facts->words[RULE_OWNER] = o->is_own ? "own" : "other";
	facts->words[RULE_QUEUE] = o->queue;
	facts->words[RULE_MODEL] = o->model;
	facts->priority = o->priority;
	facts->cost_nano = 0;
}

/* ---- the answer ---- */

static void texts_write(struct buf *out, const char *name, const char *text)
{
	if (text)
		job_json_text(out, name, text);
	else
		(void)buf_printf(out, ",\"%s\":null", name);
}

static const char *reason(
	const struct access_told *told, enum permission p, bool allowed, const struct right *by)
{
	if (permission_is_operators(p))
		return "it is for operators' keys alone, whatever a tenant's people hold";
	if (!told->known)
		return "nobody is known by this name or id";
	if (!told->welcome)
		return "the user is disabled, or the key revoked";
	if (allowed)
		return "a rule allows it";
	return by ? "a rule denies it" : "no rule allows it";
}

static enum err answer(struct access_call *a, const struct access_told *told)
{
	enum permission p = PERMISSION_JOB_SUBMIT;
	permission_set set = permission_named(asked(a, "action"));
	struct rule_facts facts = facts_of(a);
	const struct right *by = NULL;
	struct buf *out;
	struct rights *rights;
	bool allowed;
	enum err e =
		rights_flatten(told->book, told->roles, told->welcome ? told->roles_n : 0, &rights);

	if (e)
		return e;
	while (p < PERMISSIONS - 1 && set != permission_bit(p))
		p++;
	facts_of_job(a, &facts);
	allowed = !permission_is_operators(p) && rights_allow(rights, p, &facts, &by);
	out = reply_json(&a->call.r->reply, 200);
	(void)buf_printf(
		out, "{\"object\":\"explanation\",\"allowed\":%s", allowed ? "true" : "false");
	texts_write(out, "action", permission_text(p));
	texts_write(out, "reason", reason(told, p, allowed, by));
	texts_write(out, "rule", by ? by->rule.text : NULL);
	texts_write(out, "path", by ? by->path : NULL);
	texts_write(out, "owner", facts.words[RULE_OWNER]);
	texts_write(out, "queue", facts.words[RULE_QUEUE]);
	texts_write(out, "model", facts.words[RULE_MODEL]);
	(void)buf_text(out, ",\"roles\":[");
	for (size_t i = 0; i < told->roles_n; i++)
		(void)buf_printf(out, "%s\"%s\"", i ? "," : "", told->roles[i]);
	(void)buf_text(out, "]}");
	rights_release(rights);
	return ERR_OK;
}

/* ---- the looks ---- */

static void user_told(void *ctx, enum err e, const struct app_user *users, size_t n)
{
	struct record_batch *batch = ctx;

	if (!e && n == 0)
		e = ERR_NOT_FOUND;
	if (!e)
		access_call_of(batch)->principal = users[0].id;
	record_batch_end(batch, e);
}

static void job_told(void *ctx, enum err e, const struct job_row *rows, size_t n)
{
	struct record_batch *batch = ctx;
	struct access_call *a = access_call_of(batch);

	if (!e && n == 0)
		e = ERR_NOT_FOUND;
	if (!e) {
		authorise_object_of(rows, a->principal, &a->object);
		a->has_object = true;
	}
	record_batch_end(batch, e);
}

static void holder_told(void *ctx, enum err e, const struct access_told *told)
{
	struct record_batch *batch = ctx;

	if (!e) {
		e = answer(access_call_of(batch), told);
		role_book_free(told->book);
	}
	record_batch_end(batch, e);
}

static enum err explain_run(struct db *db, struct record_batch *batch)
{
	const struct access_call *a = access_call_of(batch);
	const struct job_key key = {a->tenant, a->job};

	if (a->turn == TURN_USER)
		return app_user_find(db, a->tenant, asked(a, "user"), user_told, batch);
	if (a->turn == TURN_JOB)
		return job_read(db, &key, 1, 0, job_told, batch);
	return access_load(db, a->tenant, a->principal, holder_told, batch);
}

const struct record_op explain_op = {"explain", RECORD_SLOW, 1, explain_run, NULL};

static enum err begin(struct access_call *a)
{
	const char *key = asked(a, "key"), *job = asked(a, "job");

	if (key && !id_parse("key", key, &a->principal))
		return ERR_NOT_FOUND;
	if (job && !id_parse("job", job, &a->job))
		return ERR_NOT_FOUND;
	a->turn = key ? (job ? TURN_JOB : TURN_HOLDER) : TURN_USER;
	return ERR_OK;
}

static bool next(struct access_call *a)
{
	a->turn = a->turn == TURN_USER && !id_is_zero(a->job) ? TURN_JOB
		  : a->turn == TURN_HOLDER		      ? TURNS
							      : TURN_HOLDER;
	return a->turn != TURNS;
}

/* One of user and key, and an action that is one permission. */
static bool is_sound(struct request *r)
{
	const char *action = query_text(&r->query, "action");
	permission_set set = action ? permission_named(action) : 0;
	struct problems p = {0};

	if (!query_text(&r->query, "user") == !query_text(&r->query, "key"))
		problems_add(&p, "?user", "either a user or a key must be named");
	if (!set || (set & (set - 1)))
		problems_add(&p, "?action", "must be one permission, as job:read");
	if (p.total)
		request_fail_with(r, ERR_INVALID_FIELD, &p);
	return p.total == 0;
}

void explain_get(struct request *r)
{
	static const struct query_field fields[] = {{"user", QUERY_TEXT, 1, APP_USER_NAME_MAX},
		{"key", QUERY_TEXT, 1, ID_TEXT_MAX}, {"action", QUERY_TEXT, 1, PERMISSION_TEXT_MAX},
		{"job", QUERY_TEXT, 1, ID_TEXT_MAX}, {"owner", QUERY_TEXT, 1, 8},
		{"queue", QUERY_TEXT, 1, 64}, {"model", QUERY_TEXT, 1, 500},
		{"region", QUERY_TEXT, 1, 64}, {"priority", QUERY_INT, 0, 9},
		{"cost_usd", QUERY_TEXT, 1, 24}, {NULL, QUERY_TEXT, 0, 0}};
	static const struct access_kind kind = {begin, false, &explain_op, next};

	if (request_input_query(r, fields) && is_sound(r))
		access_call_start(r, &kind, NULL, false);
}
