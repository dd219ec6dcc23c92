/* scratch_reply.c - what a server answered: hiredis' replies under our names. See scratch.h. */
#include "ports/scratch.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>

static const redisReply *reply_of(const struct scratch_reply *r)
{
	return (const redisReply *)(const void *)r;
}

enum scratch_kind scratch_kind(const struct scratch_reply *r)
{
	static const enum scratch_kind kinds[] = {
		[REDIS_REPLY_STRING] = SCRATCH_BYTES,
		[REDIS_REPLY_ARRAY] = SCRATCH_LIST,
		[REDIS_REPLY_INTEGER] = SCRATCH_INT,
		[REDIS_REPLY_NIL] = SCRATCH_NIL,
		[REDIS_REPLY_STATUS] = SCRATCH_BYTES,
		[REDIS_REPLY_ERROR] = SCRATCH_FAULT,
	};
	return r ? kinds[reply_of(r)->type] : SCRATCH_NIL;
}

int64_t scratch_int(const struct scratch_reply *r)
{
	enum scratch_kind kind = scratch_kind(r);

	if (kind == SCRATCH_INT)
		return reply_of(r)->integer;
	return kind == SCRATCH_BYTES ? strtoll(reply_of(r)->str, NULL, 10) : 0;
}

const char *scratch_bytes(const struct scratch_reply *r, size_t *ret_len)
{
	enum scratch_kind kind = scratch_kind(r);
	bool has = kind == SCRATCH_BYTES || kind == SCRATCH_FAULT;

	if (ret_len)
		*ret_len = has ? reply_of(r)->len : 0;
	return has ? reply_of(r)->str : NULL;
}

size_t scratch_count(const struct scratch_reply *r)
{
	return scratch_kind(r) == SCRATCH_LIST ? reply_of(r)->elements : 0;
}

const struct scratch_reply *scratch_item(const struct scratch_reply *r, size_t i)
{
	if (i >= scratch_count(r))
		return NULL;
	return (const struct scratch_reply *)(const void *)reply_of(r)->element[i];
}
