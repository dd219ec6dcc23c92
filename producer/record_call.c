#include "record_call.h"

#include "access/actor.h"
#include "access/authority.h"
#include "producer.h"

#include <stdlib.h>
#include <string.h>

enum { NETWORK_BYTES = 8 };

static bool is_mapped(const uint8_t *address)
{
	static const uint8_t zeros[NETWORK_BYTES];

	return memcmp(address, zeros, sizeof zeros) == 0;
}

/* Operators are none of the tenants that take turns. */
static struct id whose(const struct request *r)
{
	struct id id = r->caller.tenant;

	if (r->caller.is_operator)
		return (struct id){0};
	if (!id_is_zero(id))
		return id;
	/* who has one address of a network in IPv6 has 2^64 */
	memcpy(id.bytes, r->address, is_mapped(r->address) ? sizeof id.bytes : NETWORK_BYTES);
	return id;
}

enum err record_add_for(const struct request *r, struct record_item *item)
{
	item->whose = whose(r);
	return record_add(r->producer->record, item);
}

static void work_free(void *work)
{
	struct record_call *call = work;

	if (call->clear)
		call->clear(call);
	free(call);
}

void *record_call_new(struct request *r, size_t size)
{
	struct record_call *call = calloc(1, size);

	if (!call) {
		request_fail(r, ERR_NOMEM);
		return NULL;
	}
	call->r = r;
	r->work = call;
	r->work_free = work_free;
	return call;
}

struct audit_actor record_call_actor(struct record_call *call)
{
	struct audit_actor by = request_actor(call->r);

	call->shown = authority_facts(&call->r->caller);
	by.shown = &call->shown;
	return by;
}

/* NULL: the error's own. */
static const char *words_for(const struct record_call *call, enum err e)
{
	const struct {
		enum err e;
		const char *words;
	} own[] = {{ERR_CONFLICT, call->conflict}, {ERR_FORBIDDEN, call->forbidden},
		{ERR_NOT_FOUND, call->missing}, {ERR_KEYS_FULL, call->keys_full}};

	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (own[i].e == e)
			return own[i].words;
	return NULL;
}

static void call_fail(struct record_call *call, enum err e)
{
	const char *words = words_for(call, e);

	if (call->failed) {
		call->failed(call);
	} else if (words) {
		request_fail_detail(call->r, e, words);
		request_resume(call->r);
	} else {
		request_resume_failed(call->r, e);
	}
}

static void done(struct record_item *item, enum err e)
{
	struct record_call *call = (struct record_call *)(void *)item;

	if (e == ERR_DB_DATA)
		e = ERR_INVALID_FIELD;
	if (e)
		call_fail(call, e);
	else if (call->then)
		call->then(call);
	else
		request_resume(call->r);
}

void record_call_again(struct record_call *call, const struct record_op *op)
{
	enum err e;

	call->item.op = op;
	call->item.done = done;
	call->item.owner = call->r->producer;
	e = record_add_for(call->r, &call->item);
	if (e)
		call_fail(call, e);
}

void record_call_start(struct record_call *call, const struct record_op *op)
{
	request_park(call->r);
	record_call_again(call, op);
}

struct record_call *record_call_of(const struct record_batch *batch)
{
	return (struct record_call *)(void *)batch->items[0];
}
