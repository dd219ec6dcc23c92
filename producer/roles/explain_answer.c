#include "roles/explain_answer.h"

#include "access/authority.h"
#include "domain/money.h"
#include "ground/clock.h"
#include "jobs/job_json.h"
#include "jobs/job_spec.h"
#include "producer.h"
#include "routes.h"

#include <string.h>

enum { VALUE_MAX = 512 };

struct verdict {
	enum permission permission;
	struct rule_facts facts;
	bool allowed;
	const char *reason;
	const char *note;	/* what else is to be known; NULL */
	const struct right *by; /* the rule that decided; NULL: none did */
	const struct right
		*nearest; /* where none did: the one that lacked least; NULL: none would */
};

static const char *asked(const struct access_call *a, const char *name)
{
	return query_text(&a->call.r->query, name);
}

/* ---- what is known ---- */

/* What a call that needs it is about. What no call needs is asked of a job that is handed in. */
static enum route_object about(enum permission p)
{
	for (const struct route *row = producer_routes; row->method; row++)
		if (row->permission == p)
			return row->object;
	return ROUTE_BODY;
}

static struct rule_facts facts_said(const struct access_call *a)
{
	struct rule_facts facts = RULE_FACTS_NONE;
	const char *cost = asked(a, "cost_usd");

	facts.words[RULE_OWNER] = asked(a, "owner");
	facts.words[RULE_QUEUE] = asked(a, "queue");
	facts.words[RULE_MODEL] = asked(a, "model");
	facts.priority = query_int(&a->call.r->query, "priority", RULE_UNKNOWN);
	if (cost && !money_parse(cost, &facts.cost_nano))
		facts.cost_nano = RULE_UNKNOWN;
	return facts;
}

/* As the handing in of a job fills in what its body does not say. */
static struct rule_facts facts_of_body(const struct rule_facts *said)
{
	const char *queue = said->words[RULE_QUEUE];
	const int64_t priority = said->priority;
	struct rule_facts facts = authorise_facts_own(queue ? queue : JOB_SPEC_QUEUE,
		said->words[RULE_MODEL], priority == RULE_UNKNOWN ? JOB_SPEC_PRIORITY : priority);

	facts.cost_nano = said->cost_nano;
	return facts;
}

static struct rule_facts facts_of(const struct access_call *a, enum permission p)
{
	const enum route_object object = about(p);
	struct rule_facts facts = facts_said(a);
	const char *region = asked(a, "region");

	if (a->has_object)
		facts = authorise_facts_of(&a->object);
	else if (object == ROUTE_BODY)
		facts = facts_of_body(&facts);
	else if (object == ROUTE_THING)
		facts.words[RULE_OWNER] = "other";
	facts.words[RULE_REGION] = region ? region : authorise_region(a->call.r->producer->config);
	return facts;
}

/* ---- deciding ---- */

/* Why whoever it is gets no further than the door; NULL: further. */
static const char *shut_out(
	struct access_call *a, const struct access_told *told, const struct verdict *v)
{
	const struct caller *who = &a->asked;

	if (permission_is_operators(v->permission))
		return "it is for operators' keys alone, whatever a tenant's people hold";
	if (a->is_revoked)
		return "the key is revoked";
	if (who->expires_ms && who->expires_ms <= clock_record_ms())
		return "the key has run out";
	if (a->is_denied && !id_is_zero(who->credential))
		return "the key was given before its user, its tenant or a network was revoked";
	if (!told->welcome)
		return who->is_user ? "the user is disabled"
				    : "the key is revoked, or its successor has taken over";
	return authorise_scope(who, v->permission) ? NULL : "the key's scopes leave no room for it";
}

static const char *note_of(struct access_call *a)
{
	if (a->is_denied && id_is_zero(a->asked.credential))
		return "what it was given before it was revoked is refused, what it is given now is"
		       " not: ask for one key";
	if (!asked(a, "address") &&
		authority_denies_somewhere(a->call.r->producer->authority, &a->asked))
		return "a network is revoked, and what was given before that is refused from"
		       " there: ask with an address";
	return NULL;
}

static void decide(struct access_call *a, const struct access_told *told,
	const struct rights *rights, struct verdict *v)
{
	v->facts = facts_of(a, v->permission);
	v->reason = shut_out(a, told, v);
	if (v->reason)
		return;
	v->allowed = rights_allow(rights, v->permission, &v->facts, &v->by);
	v->note = v->allowed ? note_of(a) : NULL;
	if (!v->by)
		v->nearest = rights_nearest(rights, v->permission, &v->facts);
	v->reason = v->allowed ? "a rule allows it"
		    : v->by    ? "a rule denies it"
			       : "no rule allows it";
}

/* ---- the answer ---- */

static void text_put(struct buf *out, const char *name, const char *text)
{
	if (text)
		job_json_text(out, name, text);
	else
		(void)buf_printf(out, ",\"%s\":null", name);
}

/* NULL: it is not known. */
static const char *value_of(
	const struct rule_facts *facts, enum rule_condition which, char out[VALUE_MAX])
{
	if (which < RULE_WORDS)
		return facts->words[which];
	if (which == RULE_PRIORITY)
		(void)snprintf(out, VALUE_MAX, "%lld", (long long)facts->priority);
	else
		money_format(facts->cost_nano, out);
	return (which == RULE_PRIORITY ? facts->priority : facts->cost_nano) == RULE_UNKNOWN ? NULL
											     : out;
}

static void condition_put(struct buf *out, const struct verdict *v, const struct rule *rule,
	enum rule_condition which)
{
	char value[VALUE_MAX];
	const char *text;
	size_t len;

	text = rule_condition(rule, which, &len);
	(void)buf_text(
		out, out->bytes[out->len - 1] == '[' ? "{\"condition\":" : ",{\"condition\":");
	(void)buf_json(out, text, len);
	text_put(out, "value", value_of(&v->facts, which, value));
	(void)buf_char(out, '}');
}

/* Of the nearest rule what does not hold; of a rule that denies what was not known. */
static void conditions_put(struct buf *out, const struct verdict *v)
{
	const struct right *right = v->nearest ? v->nearest : v->by;

	(void)buf_text(out, ",\"conditions\":[");
	for (enum rule_condition i = 0; right && i < RULE_CONDITIONS; i++) {
		const enum rule_answer answer = rule_ask(&right->rule, &v->facts, i);

		if (answer == RULE_NOT_KNOWN || (answer == RULE_FAILS && v->nearest))
			condition_put(out, v, &right->rule, i);
	}
	(void)buf_char(out, ']');
}

static void right_put(struct buf *out, const struct right *right)
{
	text_put(out, "rule", right ? right->rule.text : NULL);
	text_put(out, "path", right ? right->path : NULL);
}

static void nearest_put(struct buf *out, const struct right *nearest)
{
	if (!nearest) {
		(void)buf_text(out, ",\"nearest\":null");
		return;
	}
	(void)buf_text(out, ",\"nearest\":{\"object\":\"rule\"");
	right_put(out, nearest);
	(void)buf_char(out, '}');
}

static void facts_put(struct buf *out, const struct rule_facts *facts)
{
	static const char *const names[RULE_CONDITIONS] = {
		"region", "owner", "queue", "model", "priority", "cost_usd"};
	char value[VALUE_MAX];

	for (enum rule_condition i = 0; i < RULE_CONDITIONS; i++) {
		const char *text = value_of(facts, i, value);

		if (i == RULE_PRIORITY && text)
			(void)buf_printf(out, ",\"priority\":%s", text);
		else
			text_put(out, names[i], text);
	}
}

static void write(
	const struct access_call *a, const struct access_told *told, const struct verdict *v)
{
	struct buf *out = reply_json(&a->call.r->reply, 200);

	(void)buf_printf(
		out, "{\"object\":\"explanation\",\"allowed\":%s", v->allowed ? "true" : "false");
	text_put(out, "action", permission_text(v->permission));
	text_put(out, "reason", v->reason);
	text_put(out, "note", v->note);
	right_put(out, v->by);
	nearest_put(out, v->nearest);
	conditions_put(out, v);
	facts_put(out, &v->facts);
	(void)buf_text(out, ",\"roles\":[");
	for (size_t i = 0; i < told->roles_n; i++)
		(void)buf_printf(out, "%s\"%s\"", i ? "," : "", told->roles[i]);
	(void)buf_text(out, "]}");
}

/* Whoever it is, as it would come: by the list of revocations. */
static enum err judge(struct access_call *a)
{
	enum err e = authority_judge_open(a->call.r->producer->authority, &a->asked);

	a->is_denied = e == ERR_UNAUTHORIZED;
	return a->is_denied ? ERR_OK : e;
}

enum err explain_answer(struct access_call *a, const struct access_told *told)
{
	struct verdict v = {.permission = PERMISSION_JOB_SUBMIT};
	const permission_set set = permission_named(asked(a, "action"));
	struct rights *rights;
	enum err e = judge(a);

	if (!e)
		e = rights_flatten(
			told->book, told->roles, told->welcome ? told->roles_n : 0, &rights);
	if (e)
		return e;
	while (set != permission_bit(v.permission))
		v.permission++;
	decide(a, told, rights, &v);
	write(a, told, &v);
	rights_release(rights);
	return ERR_OK;
}
