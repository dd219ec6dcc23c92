#include "jobs/live_look.h"

#include "domain/live_channel.h"
#include "jobs/live_text.h"
#include "loops.h"

#include <stdio.h>
#include <string.h>

enum { KEY_ROOM = sizeof(LIVE_FENCE_OF) + ID_UUID_MAX };

static void ask_text(struct live_look *look);

/* ---- the text ---- */

/* False where a number is missing: what follows is not the answer's next text. */
static bool entry_take(
	struct live_look *look, const struct sealed_box *box, struct live_entry entry)
{
	const struct sealed_where where = {SEALED_LIVE, look->job, look->from};
	struct sealed_view view;
	bool fits;

	if (!entry.sealed || entry.number != look->from ||
		sealed_open(box, where, entry.sealed, entry.len, &view) != ERR_OK)
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

	loop_work(live_loop(look->live), WORK_live);
	sealed_box_open(&box, live_keyring(look->live), look->tenant, &look->key);
	while (i < n && entry_take(look, &box, live_text_entry(reply, i)))
		i++;
	sealed_box_close(&box);
	if (i == LIVE_TEXT_PAGE)
		ask_text(look);
	else
		look->done(look);
}

static void ask_text(struct live_look *look)
{
	if (live_text_ask(live_scratch(look->live), look->job, look->from, on_text, look))
		look->done(look);
}

/* ---- its size ---- */

static void on_size(void *owner, enum err e, const struct scratch_reply *reply)
{
	struct live_look *look = owner;

	loop_work(live_loop(look->live), WORK_live);
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
	char uuid[ID_UUID_MAX], key[KEY_ROOM];

	id_uuid(look->job, uuid);
	(void)snprintf(key, sizeof key, LIVE_FENCE_OF "%s", uuid);
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
