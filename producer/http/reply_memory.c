#include "http/reply_memory.h"

#include "http/server_state.h"

#include <stdatomic.h>
#include <string.h>

static size_t maximum(const struct server *s, enum reply_limit limit)
{
	return limit == REPLY_LIMIT_ALL ? s->options.reply_memory_max(s->options.producer)
					: s->options.reply_share_max(s->options.producer);
}

static _Atomic size_t *sum(const struct request *r, enum reply_limit limit)
{
	struct reply_memory *replies = &r->server->replies;
	const uint8_t *id = r->caller.tenant.bytes;

	if (limit == REPLY_LIMIT_ALL)
		return &replies->bytes;
	if (id_is_zero(r->caller.tenant))
		return &replies->shares[REPLY_SHARES];
	return &replies->shares[(id[14] << 8 | id[15]) % REPLY_SHARES];
}

bool reply_memory_refuses(const struct request *r)
{
	const struct route *route = r->match.route;

	if (route->access != ROUTE_TENANT || strcmp(route->method, "GET") != 0)
		return false;
	for (enum reply_limit limit = 0; limit < REPLY_LIMITS; limit++)
		if (*sum(r, limit) >= maximum(r->server, limit)) {
			r->server->replies.refused[limit]++;
			return true;
		}
	return false;
}

/* One that only little stands beside is let through, however large. */
static bool claim(const struct request *r, enum reply_limit limit, size_t bytes)
{
	const size_t max = maximum(r->server, limit), more = bytes - r->reply_counted;
	const size_t others = atomic_fetch_add(sum(r, limit), more) - r->reply_counted;

	if (others <= max / 16 || others + bytes <= max - max / 4)
		return true;
	atomic_fetch_sub(sum(r, limit), more);
	r->server->replies.refused[limit]++;
	return false;
}

enum err reply_memory_expect(struct request *r, size_t bytes)
{
	if (bytes <= r->reply_counted)
		return ERR_OK;
	if (!claim(r, REPLY_LIMIT_ALL, bytes))
		return ERR_UNAVAILABLE;
	if (!claim(r, REPLY_LIMIT_TENANT, bytes)) {
		atomic_fetch_sub(sum(r, REPLY_LIMIT_ALL), bytes - r->reply_counted);
		return ERR_UNAVAILABLE;
	}
	r->reply_counted = bytes;
	return ERR_OK;
}

void reply_memory_is(struct request *r, size_t bytes)
{
	for (enum reply_limit limit = 0; limit < REPLY_LIMITS; limit++)
		*sum(r, limit) += bytes - r->reply_counted;
	r->reply_counted = bytes;
}
