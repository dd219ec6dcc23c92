#include "health.h"

#include "access/authority.h"
#include "domain/keyring.h"
#include "limits/plans.h"
#include "producer.h"

static void text(struct request *r, int status, const char *words)
{
	(void)buf_text(reply_json(&r->reply, status), words);
	r->reply.type = "text/plain";
}

void health_live(struct request *r)
{
	text(r, 200, "ok\n");
}

static const char *words(struct keyring *ring, bool ready, bool keyed)
{
	const struct key_state state = keyring_judged(ring);

	if (ready)
		return state.gone ? "ready, but a key's file is gone: put it back before this "
				    "program ends\n"
				  : "ready\n";
	if (keyed)
		return "not ready\n";
	return state.other_active ? "not ready: the active epoch's key file holds another key\n"
				  : "not ready: the active epoch's key is not here\n";
}

void health_ready(struct request *r)
{
	const struct producer *p = r->producer;
	const bool keyed = keyring_active(p->keyring) != 0;
	const bool known = plans_known(p->plans) && authority_is_ready(p->authority);
	const bool ready = p->ready && keyed && known && !p->draining;

	text(r, ready ? 200 : 503, words(p->keyring, ready, keyed));
	if (!ready)
		reply_header(&r->reply, "Retry-After", "1");
}
