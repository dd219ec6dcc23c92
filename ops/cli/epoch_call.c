#include "epoch_call.h"

#include <stdlib.h>

void epochs_keep(void *ctx, enum err e, const struct key_epoch *rows, size_t n)
{
	struct epochs *epochs = ctx;

	epochs->err = e;
	epochs->told = true;
	epochs->list = calloc(n + 1, sizeof(*epochs->list));
	if (!epochs->list)
		epochs->err = ERR_NOMEM;
	for (size_t i = 0; epochs->list && i < n; i++) {
		epochs->list[i].row = rows[i];
		snprintf(epochs->list[i].state, EPOCH_STATE_MAX, "%s", rows[i].state);
		epochs->n++;
	}
}

enum err epochs_wait(struct database *database, enum err begun, struct epochs *epochs)
{
	enum err e = begun;

	if (e == ERR_OK)
		e = db_wait(database->db, DATABASE_WAIT_MS);
	return epochs->told ? epochs->err : e;
}

enum outcome epoch_call(const struct call *call, epoch_fn *run)
{
	struct database database;
	enum outcome outcome = database_open(call, call_text(call, "config"), &database);

	if (outcome == OUTCOME_OK && !*database.config->keys.dir)
		outcome = call_usage(call, "keys.dir is not set: where shall the keys lie?");
	if (outcome == OUTCOME_OK)
		outcome = run(call, &database);
	database_close(&database);
	return outcome;
}

bool epoch_number(const struct call *call, int32_t *ret_epoch)
{
	char *end;
	const long n = strtol(call->arguments[0], &end, 10);

	*ret_epoch = (int32_t)n;
	return *end == '\0' && n > 0 && n <= INT32_MAX;
}

enum outcome epoch_fail(const struct call *call, const struct buf *why, enum err e)
{
	return call_fail(call, e == ERR_CONFLICT ? OUTCOME_CONFLICT : OUTCOME_USAGE, "%s",
		why->len ? why->bytes : err_text(e));
}
