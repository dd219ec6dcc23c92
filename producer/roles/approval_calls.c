#include "roles/approval_calls.h"

#include "access/two_people.h"
#include "jobs/job_json.h"
#include "producer.h"
#include "record_call.h"
#include "request_input.h"
#include "stores/approval.h"

#include <stdio.h>
#include <string.h>

enum { PAGE = 100, STATE_TEXT_MAX = 16 };

struct approval_request {
	struct record_call call; /* first */
	struct audit_actor by;
	char tenant_name[ROUTE_PARAM_MAX]; /* an operator's path; "" = the caller's own */
	struct approval_rule rule;
	struct approval_decision decision;
	struct approval_wanted wanted;
	const struct record_op *op; /* behind the rule; NULL: the rule is the answer */
};

static struct approval_request *of(const struct record_batch *batch)
{
	return (struct approval_request *)(void *)record_call_of(batch);
}

/* ---- what is shown ---- */

static void person_put(struct buf *out, const char *name, struct id id, bool is_user)
{
	char text[ID_TEXT_MAX] = "";

	if (!id_is_zero(id))
		id_format(is_user ? "usr" : "key", id, text);
	job_json_text(out, name, text[0] ? text : NULL);
}

static void approval_put(struct buf *out, const struct approval *a, const struct sealed_box *box)
{
	const struct sealed_where where = {SEALED_APPROVAL, a->id, 0};
	char id[ID_TEXT_MAX];

	id_format("apr", a->id, id);
	(void)buf_printf(out, "{\"id\":\"%s\",\"object\":\"approval\"", id);
	job_json_text(out, "action", a->action);
	job_json_text(out, "state", a->state);
	person_put(out, "asked_by", a->asked_by, a->asked_for_user);
	person_put(out, "decided_by", a->decided_by, a->decided_for_user);
	(void)buf_char(out, ',');
	job_json_time(out, "asked_at", a->asked_ms);
	(void)buf_char(out, ',');
	job_json_time(out, "expires_at", a->expires_ms);
	(void)buf_char(out, ',');
	job_json_time(out, "decided_at", a->decided_ms);
	(void)buf_text(out, ",\"call\":");
	job_json_sealed(out, box, where, a->call, "null");
	(void)buf_char(out, '}');
}

static void page_put(struct approval_request *q, const struct approval_page *page, size_t shown)
{
	struct buf *out = &q->call.r->reply.body;
	struct sealed_box box;

	sealed_box_open(&box, q->call.r->producer->keyring, q->rule.tenant, &page->key);
	for (size_t i = 0; i < shown; i++) {
		if (i)
			(void)buf_char(out, ',');
		approval_put(out, &page->rows[i], &box);
	}
	sealed_box_close(&box);
}

/* ---- operations ---- */

static void ruled(void *ctx, enum err e, const struct approval_rule *rule)
{
	struct record_batch *batch = ctx;
	struct approval_request *q = of(batch);

	if (!e)
		q->rule = *rule;
	record_batch_end(batch, e);
}

static enum err rule_run(struct db *db, struct record_batch *batch)
{
	const struct approval_request *q = of(batch);

	return approval_rule_read(db, q->call.r->caller.tenant,
		q->tenant_name[0] ? q->tenant_name : NULL, ruled, batch);
}

static void listed(void *ctx, enum err e, const struct approval_page *page)
{
	struct record_batch *batch = ctx;
	struct approval_request *q = of(batch);
	const size_t shown = page->n > q->wanted.limit ? q->wanted.limit : page->n;
	struct buf *out = reply_json(&q->call.r->reply, 200);
	char next[ID_TEXT_MAX] = "";

	(void)buf_text(out, "{\"object\":\"list\",\"data\":[");
	if (!e)
		page_put(q, page, shown);
	if (!e && page->n > shown)
		id_format("apr", page->rows[shown - 1].id, next);
	(void)buf_printf(out, "],\"has_more\":%s", page->n > shown ? "true" : "false");
	job_json_text(out, "next", next);
	(void)buf_char(out, '}');
	record_batch_end(batch, e);
}

static enum err list_run(struct db *db, struct record_batch *batch)
{
	const struct approval_request *q = of(batch);
	struct approval_wanted wanted = q->wanted;

	wanted.tenant = q->rule.tenant;
	wanted.limit++; /* one more tells whether there are more */
	return approval_list(db, &wanted, listed, batch);
}

static void decided(void *ctx, enum err e, const struct approval_page *page)
{
	struct record_batch *batch = ctx;
	struct approval_request *q = of(batch);

	if (!e) {
		(void)reply_json(&q->call.r->reply, 200);
		page_put(q, page, page->n);
	}
	record_batch_end(batch, e);
}

static enum err decide_run(struct db *db, struct record_batch *batch)
{
	struct approval_request *q = of(batch);

	q->decision.tenant = q->rule.tenant;
	return approval_decide(db, &q->decision, &q->by, decided, batch);
}

static void rule_set(void *ctx, enum err e)
{
	record_batch_end(ctx, e);
}

static enum err set_run(struct db *db, struct record_batch *batch)
{
	const struct approval_request *q = of(batch);

	return approval_rule_set(db, &q->rule, &q->by, rule_set, batch);
}

const struct record_op approval_rule_op = {"approval_rule", RECORD_SECURITY, 1, rule_run, NULL};
const struct record_op approval_list_op = {"approval_list", RECORD_SLOW, 1, list_run, NULL};
const struct record_op approval_decide_op = {
	"approval_decide", RECORD_SECURITY, 1, decide_run, NULL};
const struct record_op approval_rule_set_op = {"approval_rule_set", RECORD_SLOW, 1, set_run, NULL};

/* ---- the walk: whose, then what ---- */

static void rule_tell(struct approval_request *q)
{
	(void)buf_printf(reply_json(&q->call.r->reply, 200),
		"{\"object\":\"two_people\",\"required\":%s}",
		q->rule.two_people ? "true" : "false");
	request_resume(q->call.r);
}

static void set_done(struct record_call *call)
{
	rule_tell((struct approval_request *)(void *)call);
}

static void rule_known(struct record_call *call)
{
	struct approval_request *q = (struct approval_request *)(void *)call;

	call->then = q->op == &approval_rule_set_op ? set_done : NULL;
	if (!q->op) {
		rule_tell(q);
		return;
	}
	if (q->op == &approval_rule_set_op)
		q->rule.two_people = q->decision.approve;
	record_call_again(call, q->op);
}

static struct approval_request *begin(struct request *r, const struct record_op *op)
{
	struct approval_request *q = record_call_new(r, sizeof *q);

	if (!q)
		return NULL;
	q->op = op;
	q->by = record_call_actor(&q->call);
	q->call.then = rule_known;
	q->call.forbidden = "this needs another person than the one who asked";
	q->call.conflict = "it is decided already, or its time is over";
	if (r->match.route->access == ROUTE_OPERATOR)
		(void)snprintf(q->tenant_name, sizeof q->tenant_name, "%s", r->match.params[0]);
	return q;
}

static bool is_state(const char *state)
{
	static const char *const states[] = {"pending", "approved", "refused", "used", "expired"};

	for (size_t i = 0; i < sizeof states / sizeof *states; i++)
		if (strcmp(state, states[i]) == 0)
			return true;
	return false;
}

static bool wanted_read(struct request *r, struct approval_wanted *wanted)
{
	const char *after = query_text(&r->query, "after");
	const char *why = NULL;

	wanted->limit = (size_t)query_int(&r->query, "limit", PAGE);
	wanted->state = query_text(&r->query, "state");
	if (after && !id_parse("apr", after, &wanted->after))
		why = "after must be the next of a page before";
	else if (wanted->state && !is_state(wanted->state))
		why = "state must be pending, approved, refused, used or expired";
	if (why)
		request_fail_detail(r, ERR_INVALID_FIELD, why);
	return !why;
}

void approvals_get(struct request *r)
{
	static const struct query_field fields[] = {{"limit", QUERY_INT, 1, PAGE},
		{"after", QUERY_TEXT, 1, ID_TEXT_MAX}, {"state", QUERY_TEXT, 1, STATE_TEXT_MAX},
		{NULL, QUERY_TEXT, 0, 0}};
	struct approval_request *q =
		request_input_query(r, fields) ? begin(r, &approval_list_op) : NULL;

	if (q && wanted_read(r, &q->wanted))
		record_call_start(&q->call, &approval_rule_op);
}

static void decide(struct request *r, bool approve)
{
	const size_t named = r->match.route->access == ROUTE_OPERATOR;
	struct approval_request *q = begin(r, &approval_decide_op);

	if (!q)
		return;
	q->decision.by = two_people_approver(&r->caller);
	q->decision.approve = approve;
	if (!id_parse("apr", r->match.params[named], &q->decision.id))
		request_fail(r, ERR_NOT_FOUND);
	else if (approve && !two_people_knows(&r->caller))
		request_fail_detail(r, ERR_FORBIDDEN,
			"a key that acts for no user is nobody in particular: use a user's");
	else
		record_call_start(&q->call, &approval_rule_op);
}

void approval_approve(struct request *r)
{
	decide(r, true);
}

void approval_refuse(struct request *r)
{
	decide(r, false);
}

void two_people_get(struct request *r)
{
	struct approval_request *q = begin(r, NULL);

	if (q)
		record_call_start(&q->call, &approval_rule_op);
}

void two_people_put(struct request *r)
{
	static const struct json_field fields[] = {
		{"required", JSON_IS_BOOL, JSON_REQUIRED, 0, 0}, {NULL, 0, JSON_OPTIONAL, 0, 0}};
	json_t *body = request_input_body(r, fields, false);
	struct approval_request *q = body ? begin(r, &approval_rule_set_op) : NULL;

	if (q) {
		q->decision.approve = json_is_true(json_object_get(body, "required"));
		record_call_start(&q->call, &approval_rule_op);
	}
	json_decref(body);
}
