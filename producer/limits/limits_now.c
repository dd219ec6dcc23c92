#include "limits/limits_now.h"

#include "domain/permit_keys.h"
#include "jobs/job_json.h"
#include "jobs/live.h"
#include "limits/limiter.h"
#include "list_reply.h"
#include "ports/scratch.h"
#include "producer.h"
#include "record_call.h"
#include "request_input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELD_KEY, FIELD_NAME, FIELD_LEFT, FIELD_PER_MINUTE, FIELD_BURST, FIELD_AT, FIELD_PARKED };
_Static_assert(NOW_PAYERS == 500, "as the script says");

static const char script[] =
	"local t = redis.call('TIME')\n"
	"local payers = {}\n"
	"for i, id in ipairs(redis.call('ZREVRANGE', '" PERMIT_PAYERS "', 0, 499)) do\n"
	"  payers[i] = redis.call('HMGET', '" PERMIT_PACE
	"' .. id, 'key', 'model', 'tokens', 'tokens_pm',\n"
	"    'tokens_cap', 'at', 'parked')\n"
	"end\n"
	"return {t[1] * 1000 + math.floor(t[2] / 1000), payers}\n";

struct now_call {
	struct record_call call; /* first; no record is asked */
	struct live_call post;
};

static double number(const struct scratch_reply *payer, size_t i)
{
	const char *text = scratch_bytes(scratch_item(payer, i), NULL);

	return text ? strtod(text, NULL) : 0;
}

/* Jobs wait in the record, and the bucket is not full: else all of them may go. */
static bool is_at_limit(const struct scratch_reply *payer, double now_ms, double *ret_left)
{
	const double per_minute = number(payer, FIELD_PER_MINUTE);
	const double burst = number(payer, FIELD_BURST);
	const double since_ms = now_ms - number(payer, FIELD_AT);
	const double left = number(payer, FIELD_LEFT) + since_ms * per_minute / 60000;

	*ret_left = left;
	return per_minute > 0 && left < burst && number(payer, FIELD_PARKED) > now_ms;
}

/* Roles belong to the level's name; users stand beside it. */
static void name_put(struct buf *out, const struct permit_payer *who)
{
	const bool is_role = limit_level_has_roles(who->level);
	char tenant[ID_TEXT_MAX];

	(void)buf_printf(out, "{\"object\":\"limit_state\",\"level\":\"%s%s%s\"",
		limit_level_text(who->level), is_role ? ":" : "", is_role ? who->who : "");
	id_format("tnt", who->tenant, tenant);
	job_json_text(out, "tenant_id", id_is_zero(who->tenant) ? NULL : tenant);
	job_json_text(out, "user", who->level == LIMIT_TOKENS_USER ? who->who : NULL);
}

static void payer_put(struct list_reply *list, const struct scratch_reply *payer, double now_ms)
{
	const char *level = scratch_bytes(scratch_item(payer, FIELD_KEY), NULL);
	const char *name = scratch_bytes(scratch_item(payer, FIELD_NAME), NULL);
	struct permit_payer who;
	struct buf *out;
	double left;

	if (!level || !name || !permit_payer_read(level, name, &who) ||
		!is_at_limit(payer, now_ms, &left))
		return;
	out = list_reply_element(list);
	name_put(out, &who);
	(void)buf_printf(out, ",\"left\":%.0f,\"burst\":%.0f,\"per_minute\":%.1f}", left,
		number(payer, FIELD_BURST), number(payer, FIELD_PER_MINUTE));
}

static void levels_put(struct list_reply *list, const struct limiter_counts *counts)
{
	for (size_t i = 0; i < LIMIT_REQUEST_LEVELS; i++)
		if (counts->refused_lately[i])
			(void)buf_printf(list_reply_element(list),
				"{\"object\":\"limit_state\",\"level\":\"%s\",\"tenant_id\":null,"
				"\"user\":null,\"refused_per_minute\":%llu}",
				limit_level_text((enum limit_level)i),
				(unsigned long long)counts->refused_lately[i]);
}

static void told(void *owner, enum err e, const struct scratch_reply *reply)
{
	struct now_call *c = owner;
	struct request *r = c->call.r;
	const struct limiter_counts counts = limiter_counts(r->producer->limiter);
	const struct scratch_reply *payers = e ? NULL : scratch_item(reply, 1);
	const double now_ms = e ? 0 : (double)scratch_int(scratch_item(reply, 0));
	struct list_reply list = list_reply_begin(&r->reply);

	levels_put(&list, &counts);
	for (size_t i = 0; payers && i < scratch_count(payers); i++)
		payer_put(&list, scratch_item(payers, i), now_ms);
	list_reply_end(&list, false, NULL);
	request_resume(r);
}

static void ask(void *owner)
{
	struct now_call *c = owner;
	struct scratch *redis = live_scratch(c->call.r->producer->live);
	const struct scratch_arg args[] = {
		SCRATCH_TEXT("EVAL"), SCRATCH_TEXT(script), SCRATCH_TEXT("0")};

	if (!redis || scratch_send(redis, args, 3, told, c) != ERR_OK)
		told(c, ERR_SCRATCH, NULL);
}

void limits_now_get(struct request *r)
{
	static const struct query_field no_fields[] = {{NULL, QUERY_TEXT, 0, 0}};
	struct now_call *c =
		request_input_query(r, no_fields) ? record_call_new(r, sizeof *c) : NULL;

	if (!c)
		return;
	c->post.fn = ask;
	c->post.owner = c;
	request_park(r);
	live_post(r->producer->live, &c->post);
}
