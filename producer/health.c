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

void health_ready(struct request *r)
{
	const struct producer *p = r->producer;
	const bool keyed = keyring_active(p->keyring) != 0;
	const bool known = plans_known(p->plans) && authority_is_ready(p->authority);
	const bool ready = p->ready && keyed && known && !p->draining;
	const char *words =
		keyed ? "not ready\n" : "not ready: the active epoch's key is not here\n";

	text(r, ready ? 200 : 503, ready ? "ready\n" : words);
	if (!ready)
		reply_header(&r->reply, "Retry-After", "1");
}
