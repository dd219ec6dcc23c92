#include "jobs/live_text.h"

#include "domain/live_channel.h"

#include <stdio.h>
#include <string.h>

#define DIGITS(number)	#number
#define TEXT_OF(number) DIGITS(number)

enum { KEY_ROOM = sizeof(LIVE_STREAM_OF) + ID_UUID_MAX, FROM_ROOM = 32 };

enum err live_text_ask(
	struct scratch *redis, struct id job, int64_t from, scratch_reply_fn *fn, void *owner)
{
	char uuid[ID_UUID_MAX], key[KEY_ROOM], first[FROM_ROOM];

	id_uuid(job, uuid);
	(void)snprintf(key, sizeof key, LIVE_STREAM_OF "%s", uuid);
	(void)snprintf(first, sizeof first, "%lld-0", (long long)from);
	const struct scratch_arg args[] = {SCRATCH_TEXT("XRANGE"), SCRATCH_TEXT(key),
		SCRATCH_TEXT(first), SCRATCH_TEXT("+"), SCRATCH_TEXT("COUNT"),
		SCRATCH_TEXT(TEXT_OF(LIVE_TEXT_PAGE))};

	return scratch_send(redis, args, sizeof args / sizeof *args, fn, owner);
}

struct live_entry live_text_entry(const struct scratch_reply *reply, size_t i)
{
	const struct scratch_reply *item = scratch_item(reply, i);
	struct live_entry entry = {.number = scratch_int(scratch_item(item, 0))};

	entry.sealed = scratch_bytes(scratch_item(scratch_item(item, 1), 1), &entry.len);
	return entry;
}
