/* Copies of epochs' keys in escrow: on paper or in a safe, never where backups are. Each says of
 * itself which epoch it is and when it must be gone. */
#include "epoch_call.h"
#include "handlers.h"
#include "secret_file.h"

#include "ground/clock.h"
#include "ground/digest.h"
#include "ground/secret.h"
#include "ports/key_files.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_LINE  "longhaul key epoch %d"
#define SECOND_LINE "destroy this copy by %.10s, and keep it apart from backups of the record"

enum { WHY_MAX = 8192, COPY_MAX = 512, HEX_LEN = 2 * AEAD_KEY };

/* ---- the copy's text ---- */

static void copy_write(
	int32_t epoch, int64_t until_ms, const uint8_t key[AEAD_KEY], char out[COPY_MAX])
{
	char until[CLOCK_TEXT_MAX], hex[HEX_LEN + 1];

	clock_format(until_ms, until);
	digest_hex(key, AEAD_KEY, hex);
	(void)snprintf(out, COPY_MAX, FIRST_LINE "\n" SECOND_LINE "\n%s", (int)epoch, until, hex);
	digest_wipe(hex, sizeof(hex));
}

/* The second line is for people; a copy that is overdue is read all the same. */
static bool copy_read(const char *text, int32_t *ret_epoch, uint8_t ret_key[AEAD_KEY])
{
	const char *second = strchr(text, '\n');
	const char *third = second ? strchr(second + 1, '\n') : NULL;
	int epoch;

	if (!third || strlen(third + 1) != HEX_LEN || sscanf(text, FIRST_LINE, &epoch) != 1 ||
		epoch <= 0)
		return false;
	*ret_epoch = epoch;
	return digest_unhex(third + 1, ret_key, AEAD_KEY);
}

/* ---- into escrow ---- */

static enum err key_find(const char *dir, int32_t epoch, struct buf *why, uint8_t ret_key[AEAD_KEY])
{
	struct keyring *ring = NULL;
	enum err e = keyring_new(&ring);

	if (e == ERR_OK)
		e = key_files_load(dir, ring, NULL, why);
	if (e == ERR_OK && !keyring_copy(ring, epoch, ret_key)) {
		(void)buf_printf(why, "%sthe key of epoch %d is not in %s", why->len ? "; " : "",
			(int)epoch, dir);
		e = ERR_CONFIG;
	}
	keyring_free(ring);
	return e;
}

/* The date is written down first: no copy is without one. */
static enum outcome copy_make(const struct call *call, struct database *database, int32_t epoch,
	const uint8_t key[AEAD_KEY], char out[COPY_MAX])
{
	struct epochs told = {.err = ERR_DB};
	const enum err e = epochs_wait(database,
		key_epoch_escrow(database->db, epoch, database->config->keys.retired_weeks,
			epochs_keep, &told),
		&told);

	if (e == ERR_OK)
		copy_write(epoch, told.list[0].row.escrow_until_ms, key, out);
	free(told.list);
	if (e == ERR_CONFLICT)
		return call_fail(
			call, OUTCOME_CONFLICT, "epoch %d is destroyed, or is none", (int)epoch);
	return e == ERR_OK ? OUTCOME_OK : database_fail(call, database, e);
}

static enum outcome copy_keep(
	const struct call *call, struct database *database, int32_t epoch, const uint8_t *key)
{
	const char *path = call_text(call, "to");
	char copy[COPY_MAX];
	int fd = -1;
	enum outcome outcome = secret_file_reserve(call, path, &fd);

	if (outcome != OUTCOME_OK)
		return outcome;
	outcome = copy_make(call, database, epoch, key, copy);
	if (outcome == OUTCOME_OK)
		outcome = secret_file_fill(call, path, fd, copy);
	else
		secret_file_drop(path, fd);
	digest_wipe(copy, sizeof(copy));
	if (outcome == OUTCOME_OK)
		fprintf(call->out,
			"%s holds the key of epoch %d: bring it to a safe that no backup reaches; "
			"it says by when it must be destroyed\n",
			path, (int)epoch);
	return outcome;
}

static enum outcome escrow(const struct call *call, struct database *database)
{
	uint8_t key[AEAD_KEY];
	enum outcome outcome;
	struct buf why;
	int32_t epoch;
	enum err e;

	if (!epoch_number(call, &epoch))
		return call_usage(call, "an epoch is a number, as `longhaul epoch list` shows it");
	if (!call_text(call, "to"))
		return call_usage(call, "say where the copy goes: --to FILE");
	buf_init(&why, WHY_MAX);
	e = key_find(database->config->keys.dir, epoch, &why, key);
	outcome = e == ERR_OK ? copy_keep(call, database, epoch, key) : epoch_fail(call, &why, e);
	digest_wipe(key, sizeof(key));
	buf_clear(&why);
	return outcome;
}

enum outcome epoch_escrow_run(struct call *call)
{
	return epoch_call(call, escrow);
}

/* ---- and back ---- */

/* Is it the key that the record knows under this number? */
static enum outcome copy_check(const struct call *call, struct database *database, int32_t epoch,
	const uint8_t key[AEAD_KEY])
{
	struct epochs told = {.err = ERR_DB};
	struct keyring *ring = NULL;
	uint8_t mark[KEYRING_MARK] = {0};
	bool known = false;
	enum err e = keyring_new(&ring);

	if (e == ERR_OK)
		e = keyring_add(ring, epoch, key);
	if (e == ERR_OK && !keyring_mark(ring, epoch, mark))
		e = ERR_SYSTEM;
	keyring_free(ring);
	if (e == ERR_OK)
		e = epochs_wait(database, key_epoch_list(database->db, epochs_keep, &told), &told);
	for (size_t i = 0; i < told.n; i++)
		known |= told.list[i].row.epoch == epoch &&
			 strcmp(told.list[i].state, "destroyed") != 0 &&
			 memcmp(told.list[i].row.mark, mark, sizeof(mark)) == 0;
	free(told.list);
	if (e != ERR_OK)
		return database_fail(call, database, e);
	return known ? OUTCOME_OK
		     : call_fail(call, OUTCOME_CONFLICT,
			       "this is not the key of an epoch %d that the record knows, or it "
			       "is destroyed there",
			       (int)epoch);
}

static enum outcome key_return(const struct call *call, struct database *database, int32_t epoch,
	const uint8_t key[AEAD_KEY], struct buf *why)
{
	const char *dir = database->config->keys.dir;
	const enum outcome outcome = copy_check(call, database, epoch, key);
	enum err e;

	if (outcome != OUTCOME_OK)
		return outcome;
	e = key_files_put(dir, epoch, key, why);
	if (e != ERR_OK)
		return epoch_fail(call, why, e);
	fprintf(call->out, "the key of epoch %d is in %s again\n", (int)epoch, dir);
	return OUTCOME_OK;
}

static enum outcome restore(const struct call *call, struct database *database)
{
	struct secret copy = {NULL, 0};
	uint8_t key[AEAD_KEY];
	enum outcome outcome;
	struct buf why;
	int32_t epoch;
	enum err e;

	buf_init(&why, WHY_MAX);
	e = secret_read(call->arguments[0], &why, &copy);
	if (e != ERR_OK)
		outcome = epoch_fail(call, &why, e);
	else if (!copy_read(copy.bytes, &epoch, key))
		outcome = call_usage(call, "%s is not a copy that `longhaul epoch escrow` wrote",
			call->arguments[0]);
	else
		outcome = key_return(call, database, epoch, key, &why);
	digest_wipe(key, sizeof(key));
	secret_clear(&copy);
	buf_clear(&why);
	return outcome;
}

enum outcome epoch_restore_run(struct call *call)
{
	return epoch_call(call, restore);
}
