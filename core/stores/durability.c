#include "stores/durability.h"
#include "stores/store_call.h"

#include <stdlib.h>
#include <string.h>

/* Our own sessions may set synchronous_commit (beats do): what counts is the server's value. */
static const struct db_stmt read_stmt = {.name = "durability_read",
	.sql = "select current_setting('fsync'), current_setting('full_page_writes'),"
	       " (select s.reset_val from pg_settings s where s.name = 'synchronous_commit'),"
	       " current_setting('synchronous_standby_names'), current_setting('server_version')",
	.reads = true};

static bool is_on(const struct db_rows *r, int col)
{
	return strcmp(db_text(r, 0, col), "on") == 0;
}

static void on_read(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	struct durability d = {.fsync = false};

	if (r != NULL) {
		d.fsync = is_on(r, 0);
		d.full_page_writes = is_on(r, 1);
		d.synchronous_commit = is_on(r, 2) || strncmp(db_text(r, 0, 2), "remote_", 7) == 0;
		d.standbys = db_text(r, 0, 3);
		d.version = db_text(r, 0, 4);
	}
	((durability_done *)call->done)(call->ctx, e, r != NULL ? &d : NULL);
	free(call);
}

enum err durability_read(struct db *db, durability_done *done, void *ctx)
{
	return store_call_run(&(struct store_call_ask){.db = db,
		.stmt = &read_stmt,
		.on_done = on_read,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}
