#include "limits/limit_reply.h"

#include "limits/limit_ask.h"

#include <math.h>
#include <stdio.h>

enum { DETAIL_MAX = 128, OPENAI_WAIT_MAX_S = 60 };

#define QUOTA_EXCEEDED "https://iana.org/assignments/http-problem-types#quota-exceeded"

static int64_t seconds(double us)
{
	return (int64_t)ceil(us / 1e6);
}

/* Of a window's requests, what is left; an empty one by how long it stays so. */
static double left_of(const struct limit_key *key)
{
	const int64_t room = limit_pace_room(key->pace, key->ahead_us);

	if (room > 0)
		return (double)room * key->pace.interval_us / key->pace.span_us;
	return -(double)limit_pace_wait_us(key->pace, key->ahead_us);
}

static const struct limit_key *tightest(const struct limit_ask *ask)
{
	const struct limit_key *key = &ask->keys[0];

	for (size_t i = 1; i < ask->n; i++)
		if (left_of(&ask->keys[i]) < left_of(key))
			key = &ask->keys[i];
	return key;
}

static int64_t reset_s(const struct limit_key *key)
{
	if (limit_pace_room(key->pace, key->ahead_us) > 0)
		return seconds(key->ahead_us);
	return seconds((double)limit_pace_wait_us(key->pace, key->ahead_us));
}

size_t limit_headers(const struct request *r, struct reply_header ret[LIMIT_HEADERS_MAX])
{
	const struct limit_key *key;
	const char *level;

	if (!r->limit || !r->limit->answered)
		return 0;
	key = tightest(r->limit);
	level = limit_level_text(key->level);
	ret[0].name = "RateLimit-Policy";
	(void)snprintf(ret[0].value, sizeof ret[0].value, "\"%s\";q=%lld;w=%d", level,
		(long long)key->limit.amount, (int)key->limit.window_s);
	ret[1].name = "RateLimit";
	(void)snprintf(ret[1].value, sizeof ret[1].value, "\"%s\";r=%lld;t=%lld", level,
		(long long)limit_pace_room(key->pace, key->ahead_us), (long long)reset_s(key));
	return LIMIT_HEADERS_MAX;
}

static void violated_put(struct buf *out, const struct limit_ask *ask)
{
	const char *between = "";

	for (size_t i = 0; i < ask->n; i++)
		if (limit_pace_room(ask->keys[i].pace, ask->keys[i].ahead_us) < 1) {
			(void)buf_printf(
				out, "%s\"%s\"", between, limit_level_text(ask->keys[i].level));
			between = ",";
		}
}

/* The members of every problem document, and one more. */
static void problem_put(struct request *r, const char *detail)
{
	struct buf *out = reply_json(&r->reply, err_http(ERR_RATE_LIMITED));

	r->reply.type = "application/problem+json";
	(void)buf_printf(out,
		"{\"type\":\"" QUOTA_EXCEEDED "\",\"title\":\"%s\",\"status\":%d,\"code\":\"%s\","
		"\"instance\":\"%s\",\"detail\":\"%s\",\"errors\":[],\"violated-policies\":[",
		err_text(ERR_RATE_LIMITED), err_http(ERR_RATE_LIMITED), err_code(ERR_RATE_LIMITED),
		r->id_text, detail);
	violated_put(out, r->limit);
	(void)buf_text(out, "]}");
}

/* The official SDKs try a 429 again, and sleep as long as they are told to, or not at all. */
static void openai_put(struct request *r, const char *detail, int64_t wait_s)
{
	request_fail_detail(r, ERR_RATE_LIMITED, detail);
	r->reply.headers_n = 0;
	if (wait_s > OPENAI_WAIT_MAX_S)
		reply_header(&r->reply, "x-should-retry", "false");
}

void limit_refuse(struct request *r)
{
	const struct limit_key *key = tightest(r->limit);
	const int64_t wait_s = reset_s(key);
	char detail[DETAIL_MAX];

	(void)snprintf(detail, sizeof detail,
		"the limit of this %s is used up: %lld requests in %d s",
		key->level == LIMIT_GLOBAL ? "installation" : limit_level_text(key->level),
		(long long)key->limit.amount, (int)key->limit.window_s);
	r->reply.headers_n = 0;
	if (r->reply.shape == REPLY_OPENAI)
		openai_put(r, detail, wait_s);
	else
		problem_put(r, detail);
	reply_header(&r->reply, "Retry-After", "%lld", (long long)(wait_s > 1 ? wait_s : 1));
}
