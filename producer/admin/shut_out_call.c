#include "admin/shut_out_call.h"

#include "access/authority.h"

static void counted(void *ctx, enum err e, const struct shut_out *n)
{
	struct record_batch *batch = ctx;

	if (!e)
		tenant_call_of(batch)->shut_out = *n;
	record_batch_end(batch, e);
}

static enum err count_run(struct db *db, struct record_batch *batch)
{
	return shut_out_count(db, &tenant_call_of(batch)->ends, counted, batch);
}

const struct record_op shut_out_op = {"shut_out", RECORD_SLOW, 1, count_run, NULL};

struct buf *shut_out_begin(struct tenant_call *t)
{
	struct buf *out = reply_json(&t->call.r->reply, 200);

	(void)buf_text(out, "{\"object\":\"change\",\"dry_run\":true");
	return out;
}

static void number_put(struct buf *out, const char *name, bool known, int64_t n)
{
	if (known)
		(void)buf_printf(out, ",\"%s\":%lld", name, (long long)n);
	else
		(void)buf_printf(out, ",\"%s\":null", name);
}

void shut_out_end(struct tenant_call *t, unsigned unknown)
{
	struct request *r = t->call.r;
	struct buf *out = &r->reply.body;
	bool yourself = false;
	enum err e = authority_try(&r->caller, &t->ends, &yourself);

	number_put(out, "keys", !(unknown & UNKNOWN_KEYS), t->shut_out.keys);
	number_put(out, "users", !(unknown & UNKNOWN_USERS), t->shut_out.users);
	number_put(out, "families", !(unknown & UNKNOWN_FAMILIES), t->shut_out.families);
	(void)buf_printf(out, ",\"yourself\":%s}", yourself ? "true" : "false");
	if (e)
		request_fail(r, e);
	request_resume(r);
}
