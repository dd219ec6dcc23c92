#include "http/reply_memory.h"

#include "http/server_state.h"

#include <string.h>

static size_t maximum(const struct server *s, enum share_limit limit)
{
	return limit == SHARE_ALL ? s->options.reply_memory_max(s->options.producer)
				  : s->options.reply_share_max(s->options.producer);
}

bool reply_memory_refuses(const struct request *r)
{
	const struct route *route = r->match.route;
	struct shares *replies = &r->server->replies;

	if (route->access != ROUTE_TENANT || strcmp(route->method, "GET") != 0)
		return false;
	for (enum share_limit limit = 0; limit < SHARE_LIMITS; limit++)
		if (shares_held(replies, r->caller.tenant, limit) >= maximum(r->server, limit)) {
			replies->refused[limit]++;
			return true;
		}
	return false;
}

static size_t for_large(const struct server *s, enum share_limit limit)
{
	const size_t max = maximum(s, limit);

	return max - max / 4;
}

enum err reply_memory_expect(struct request *r, size_t bytes)
{
	const struct share_bounds bounds = {
		{for_large(r->server, SHARE_ALL), for_large(r->server, SHARE_TENANT)}};

	if (bytes <= r->reply_counted)
		return ERR_OK;
	if (!shares_claim(&r->server->replies, r->caller.tenant, r->reply_counted, bytes, &bounds))
		return ERR_UNAVAILABLE;
	r->reply_counted = bytes;
	return ERR_OK;
}

void reply_memory_is(struct request *r, size_t bytes)
{
	shares_set(&r->server->replies, r->caller.tenant, r->reply_counted, bytes);
	r->reply_counted = bytes;
}
