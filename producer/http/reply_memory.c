#include "http/reply_memory.h"

#include "http/server_state.h"

#include <stdatomic.h>
#include <string.h>

static size_t maximum(const struct server *s)
{
	return s->options.reply_memory_max(s->options.producer);
}

bool reply_memory_refuses(const struct request *r)
{
	const struct route *route = r->match.route;

	return route->access == ROUTE_TENANT && strcmp(route->method, "GET") == 0 &&
	       r->server->reply_memory >= maximum(r->server);
}

/* One that no others stand beside is let through, however large. */
enum err request_expect_reply(struct request *r, size_t bytes)
{
	struct server *s = r->server;
	size_t max = maximum(s);
	size_t more = bytes > r->reply_counted ? bytes - r->reply_counted : 0;
	size_t others = atomic_fetch_add(&s->reply_memory, more) - r->reply_counted;

	if (more && others && others + bytes > max - max / 4) {
		atomic_fetch_sub(&s->reply_memory, more);
		return ERR_UNAVAILABLE;
	}
	r->reply_counted += more;
	return ERR_OK;
}

void reply_memory_is(struct request *r, size_t bytes)
{
	r->server->reply_memory += bytes - r->reply_counted;
	r->reply_counted = bytes;
}
