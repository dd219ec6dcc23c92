#include "http/body_memory.h"

#include "http/server_state.h"

enum err body_memory_expect(struct request *r, size_t bytes)
{
	struct server *s = r->server;
	const struct server_options *o = &s->options;
	const struct share_bounds bounds = {
		{o->body_memory_max(o->producer), o->body_share_max(o->producer)}};

	if (bytes <= o->connection_bytes || bytes <= r->body_counted)
		return ERR_OK;
	/* a guest's tenant may be known later than its body */
	if (!r->body_counted)
		r->body_tenant = r->caller.tenant;
	if (!shares_claim(&s->bodies, r->body_tenant, r->body_counted, bytes, &bounds))
		return ERR_UNAVAILABLE;
	r->body_counted = bytes;
	return ERR_OK;
}

void body_memory_release(struct request *r)
{
	if (r->body_counted)
		shares_set(&r->server->bodies, r->body_tenant, r->body_counted, 0);
	r->body_counted = 0;
}
