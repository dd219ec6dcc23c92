#include "ports/scratch_call.h"

#include <stdlib.h>

void scratch_calls_init(struct scratch_calls *calls)
{
	*calls = (struct scratch_calls){.newest = &calls->oldest};
}

void scratch_calls_push(struct scratch_calls *calls, struct scratch_call *c, int64_t now_ms)
{
	c->next = NULL;
	c->sent_ms = now_ms;
	*calls->newest = c;
	calls->newest = &c->next;
	calls->n++;
}

struct scratch_call *scratch_calls_pop(struct scratch_calls *calls)
{
	struct scratch_call *c = calls->oldest;

	if (!c)
		return NULL;
	calls->oldest = c->next;
	if (!calls->oldest)
		calls->newest = &calls->oldest;
	calls->n--;
	return c;
}

struct scratch_call *scratch_call_new(scratch_reply_fn *fn, void *owner, size_t bytes_max)
{
	struct scratch_call *c = calloc(1, sizeof *c);

	if (c) {
		c->fn = fn;
		c->owner = owner;
		buf_init(&c->tail, bytes_max);
	}
	return c;
}

void scratch_call_free(struct scratch_call *c)
{
	buf_clear(&c->tail);
	free(c);
}

void scratch_call_end(struct scratch_call *c, enum err e, const struct scratch_reply *reply)
{
	if (c->fn)
		c->fn(c->owner, e, reply);
	scratch_call_free(c);
}

void scratch_call_arg(struct scratch_call *c, struct scratch_arg arg)
{
	(void)buf_printf(&c->tail, "$%zu\r\n", arg.len);
	(void)buf_append(&c->tail, arg.bytes, arg.len);
	(void)buf_append(&c->tail, "\r\n", 2);
}
