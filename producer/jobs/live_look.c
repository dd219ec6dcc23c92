#include "jobs/live_look.h"

#include "domain/live_channel.h"
#include "ports/scratch.h"

#include <stdio.h>
#include <string.h>

enum { KEY_ROOM = 64, PAGE = 1000 };

static void ask_text(struct live_look *look);

static void key_of(const struct live_look *look, const char *before, char out[KEY_ROOM])
{
	char uuid[ID_UUID_MAX];

	id_uuid(look->job, uuid);
	(void)snprintf(out, KEY_ROOM, "%s%s", before, uuid);
}

/* ---- the text ---- */

/* False where a number is missing: what follows is not the answer's next text. */
static bool entry_take(
	struct live_look *look, const struct sealed_box *box, const struct scratch_reply *entry)
{
	const struct scratch_reply *fields = scratch_item(entry, 1);
	size_t len = 0;
	const char *sealed = scratch_bytes(scratch_item(fields, 1), &len);
	const struct sealed_where where = {SEALED_LIVE, look->job, look->from};
	struct sealed_view view;
	bool fits;

	if (!sealed || scratch_int(scratch_item(entry, 0)) != look->from ||
		sealed_open(box, where, sealed, len, &view) != ERR_OK)
		return false;
	fits = buf_append(&look->text, view.bytes, view.len) == ERR_OK;
	sealed_view_clear(&view);
	look->from += fits;
	return fits;
}

static void on_text(void *owner, enum err e, const struct scratch_reply *reply)
{
	struct live_look *look = owner;
	const size_t n = e ? 0 : scratch_count(reply);
	struct sealed_box box;
	size_t i = 0;

	sealed_box_open(&box, live_keyring(look->live), look->tenant, &look->key);
	while (i < n && entry_take(look, &box, scratch_item(reply, i)))
		i++;
	sealed_box_close(&box);
	if (i == PAGE)
		ask_text(look);
	else
		look->done(look);
}

static void ask_text(struct live_look *look)
{
	char key[KEY_ROOM], from[32];
	struct scratch *redis = live_scratch(look->live);

	key_of(look, LIVE_STREAM_OF, key);
	(void)snprintf(from, sizeof from, "%lld-0", (long long)look->from);
	const struct scratch_arg args[] = {SCRATCH_TEXT("XRANGE"), SCRATCH_TEXT(key),
		SCRATCH_TEXT(from), SCRATCH_TEXT("+"), SCRATCH_TEXT("COUNT"), SCRATCH_TEXT("1000")};

	if (!redis || scratch_send(redis, args, 6, on_text, look))
		look->done(look);
}

/* ---- its size ---- */

static void on_size(void *owner, enum err e, const struct scratch_reply *reply)
{
	struct live_look *look = owner;

	if (!e && scratch_count(reply) == 2 && scratch_int(scratch_item(reply, 0)) == look->fence)
		look->text_bytes = scratch_int(scratch_item(reply, 1));
	if (look->from && look->text_bytes <= (int64_t)look->upto)
		ask_text(look);
	else
		look->done(look);
}

static void ask_size(void *owner)
{
	struct live_look *look = owner;
	struct scratch *redis = live_scratch(look->live);
	char key[KEY_ROOM];

	key_of(look, LIVE_FENCE_OF, key);
	const struct scratch_arg args[] = {SCRATCH_TEXT("HMGET"), SCRATCH_TEXT(key),
		SCRATCH_TEXT("fence"), SCRATCH_TEXT("bytes")};

	if (!redis || scratch_send(redis, args, 4, on_size, look))
		look->done(look);
}

void live_look_start(struct live_look *look, struct live *live)
{
	look->live = live;
	look->text_bytes = -1;
	look->call.fn = ask_size;
	look->call.owner = look;
	if (live_scratch(live))
		live_post(live, &look->call);
	else
		look->done(look);
}
