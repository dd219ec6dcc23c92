#include "health.h"

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
	bool ready = r->producer->ready && !r->producer->draining;

	text(r, ready ? 200 : 503, ready ? "ready\n" : "not ready\n");
	if (!ready)
		reply_header(&r->reply, "Retry-After", "1");
}
