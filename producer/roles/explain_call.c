#include "roles/explain_call.h"

#include "domain/egress.h"
#include "domain/money.h"
#include "request_input.h"
#include "roles/access_call.h"
#include "roles/explain_answer.h"
#include "stores/api_key.h"
#include "stores/app_user.h"
#include "stores/job_read.h"

#include <stdio.h>
#include <string.h>

enum { ADDRESS_BITS = 128, ADDRESS_MAX = 45 };

/* The answer is gathered in looks, each a turn of the one operation: who it is, the job that it is
 * about, and what is held. */
enum turn { TURN_USER, TURN_KEY, TURN_JOB, TURN_HOLDER, TURNS };

static const char *asked(const struct access_call *a, const char *name)
{
	return query_text(&a->call.r->query, name);
}

static enum err nothing(struct access_call *a, const char *why)
{
	(void)snprintf(a->why, sizeof a->why, "%s", why);
	return ERR_NOT_FOUND;
}

/* ---- the looks ---- */

static void user_told(void *ctx, enum err e, const struct app_user *users, size_t n)
{
	struct record_batch *batch = ctx;
	struct access_call *a = access_call_of(batch);

	if (!e && n == 0)
		e = nothing(a, "no user has this name");
	if (!e) {
		a->asked.principal = users[0].id;
		a->asked.is_user = true;
		a->asked.issued_ms = users[0].created_ms;
	}
	record_batch_end(batch, e);
}

/* As access/keys.c makes a caller of it. */
static enum err key_take(struct access_call *a, const struct api_key *key)
{
	struct caller *who = &a->asked;

	if (!id_equal(key->tenant, a->tenant))
		return nothing(a, "no key has this id");
	who->credential = key->id;
	who->is_user = !id_is_zero(key->user);
	who->principal = who->is_user ? key->user : key->principal;
	who->issued_ms = key->created_ms;
	who->expires_ms = key->expires_ms;
	a->is_revoked = key->revoked_ms != 0;
	return key->has_scopes ? caller_narrow(who, key->scopes) : ERR_OK;
}

static void key_told(void *ctx, enum err e, const struct api_key *keys, size_t n)
{
	struct record_batch *batch = ctx;
	struct access_call *a = access_call_of(batch);

	if (e == ERR_NOT_FOUND)
		e = nothing(a, "no key has this id");
	if (!e && n)
		e = key_take(a, keys);
	record_batch_end(batch, e);
}

static void job_told(void *ctx, enum err e, const struct job_row *rows, size_t n)
{
	struct record_batch *batch = ctx;
	struct access_call *a = access_call_of(batch);

	if (!e && n == 0)
		e = nothing(a, "no job has this id");
	if (!e) {
		authorise_object_of(rows, a->asked.principal, &a->object);
		a->has_object = true;
	}
	record_batch_end(batch, e);
}

static void holder_told(void *ctx, enum err e, const struct access_told *told)
{
	struct record_batch *batch = ctx;

	if (!e) {
		e = explain_answer(access_call_of(batch), told);
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
	if (a->turn == TURN_KEY)
		return api_key_get(db, a->tenant, a->key, key_told, batch);
	if (a->turn == TURN_JOB)
		return job_read(db, &key, 1, 0, job_told, batch);
	return access_load(db, a->tenant, a->asked.principal, holder_told, batch);
}

const struct record_op explain_op = {"explain", RECORD_SLOW, 1, explain_run, NULL};

static enum err begin(struct access_call *a)
{
	const char *key = asked(a, "key"), *job = asked(a, "job"), *address = asked(a, "address");
	struct egress_net net = {.bits = 0};

	if (key && !id_parse("key", key, &a->key))
		return nothing(a, "no key has this id");
	if (job && !id_parse("job", job, &a->job))
		return nothing(a, "no job has this id");
	if (address && egress_net_parse(address, &net))
		memcpy(a->asked.address, net.bytes, sizeof a->asked.address);
	a->asked.tenant = a->tenant;
	a->turn = key ? TURN_KEY : TURN_USER;
	return ERR_OK;
}

static bool next(struct access_call *a)
{
	if (a->turn <= TURN_KEY)
		a->turn = id_is_zero(a->job) ? TURN_HOLDER : TURN_JOB;
	else
		a->turn++;
	return a->turn != TURNS;
}

/* ---- the call ---- */

static void values_check(const struct request *r, struct problems *p)
{
	const char *cost = query_text(&r->query, "cost_usd");
	const char *address = query_text(&r->query, "address");
	struct egress_net net;
	int64_t nano;

	if (cost && !money_parse(cost, &nano))
		problems_add(p, "?cost_usd", "must be an amount in dollars, as 0.05");
	if (address && (!egress_net_parse(address, &net) || net.bits != ADDRESS_BITS))
		problems_add(p, "?address", "must be an address, as 10.1.2.3");
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
	values_check(r, &p);
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
		{"cost_usd", QUERY_TEXT, 1, 24}, {"address", QUERY_TEXT, 1, ADDRESS_MAX},
		{NULL, QUERY_TEXT, 0, 0}};
	static const struct access_kind kind = {begin, false, &explain_op, next};

	if (request_input_query(r, fields) && is_sound(r))
		access_call_start(r, &kind, NULL, false);
}
