/* The key that signs the audit's checkpoints: its public half, and the next one. It lies in a file
 * of the schedulers and not in the record, whose owner it shall convict. */
#include "audit_key.h"
#include "database.h"
#include "handlers.h"
#include "output.h"
#include "secret_file.h"

#include "domain/checkpoint.h"
#include "ground/durable.h"
#include "ground/secret.h"
#include "stores/audit.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEED_BYTES = 32 };

static enum outcome signer_read(const struct call *call, const struct config_audit *audit,
	struct checkpoint_signer *ret_signer)
{
	struct secret seed = {NULL, 0};
	enum err e = *audit->signing_key_file ? secret_read(audit->signing_key_file, NULL, &seed)
					      : ERR_CONFIG;

	if (e == ERR_OK)
		e = checkpoint_signer_read(audit->log, seed.bytes, seed.len, ret_signer);
	secret_clear(&seed);
	if (e != ERR_OK)
		return call_usage(
			call, "audit.signing_key_file names no seed of 32 bytes in base 64");
	return OUTCOME_OK;
}

/* ---- show ---- */

static enum outcome key_show(const struct call *call, const struct config_audit *audit)
{
	struct checkpoint_signer signer;
	char text[CHECKPOINT_KEY_TEXT_MAX];
	const enum outcome outcome = signer_read(call, audit, &signer);

	if (outcome != OUTCOME_OK)
		return outcome;
	checkpoint_key_format(&signer.key, text);
	checkpoint_signer_clear(&signer);
	if (call_flag(call, "json"))
		return output_json_new(call, json_pack("{s:s}", "key", text));
	fprintf(call->out, "%s\n", text);
	return OUTCOME_OK;
}

enum outcome audit_key_run(struct call *call)
{
	struct config *config = NULL;
	enum outcome outcome = database_config(call, call_text(call, "config"), &config);

	if (outcome == OUTCOME_OK)
		outcome = key_show(call, &config->audit);
	config_release(config);
	return outcome;
}

/* ---- rotate ---- */

/* A new seed's text; its key. */
static enum err seed_make(const char *log, struct buf *text, struct checkpoint_key *ret_key)
{
	struct checkpoint_signer signer;
	uint8_t seed[SEED_BYTES];
	enum err e;

	digest_random(seed, sizeof seed);
	e = digest_base64_append(text, DIGEST_BASE64, seed, sizeof seed);
	digest_wipe(seed, sizeof seed);
	if (e == ERR_OK)
		e = checkpoint_signer_read(log, text->bytes, text->len, &signer);
	if (e != ERR_OK)
		return e;
	*ret_key = signer.key;
	checkpoint_signer_clear(&signer);
	return ERR_OK;
}

/* Of the file's owner and mode, and in its place; the seed that was there is gone. */
static enum err file_replace(const char *path, const char *beside)
{
	const char *name = strrchr(path, '/');
	char folder[DURABLE_PATH_MAX] = ".";
	struct stat st;

	if (name)
		(void)snprintf(folder, sizeof folder, "%.*s", (int)(name - path) + 1, path);
	name = name ? name + 1 : path;
	if (stat(path, &st) != 0 || chmod(beside, st.st_mode & 07777) != 0 ||
		(geteuid() == 0 && chown(beside, st.st_uid, st.st_gid) != 0))
		return ERR_SYSTEM;
	return durable_rename(
		folder, strrchr(beside, '/') ? strrchr(beside, '/') + 1 : beside, name);
}

static enum outcome seed_put(const struct call *call, const char *path, const char *seed)
{
	char beside[DURABLE_PATH_MAX];
	enum outcome outcome;
	int fd = -1;

	(void)snprintf(beside, sizeof beside, "%s.new", path);
	outcome = secret_file_reserve(call, beside, &fd);
	if (outcome == OUTCOME_OK)
		outcome = secret_file_fill(call, beside, fd, seed);
	if (outcome == OUTCOME_OK && file_replace(path, beside) != ERR_OK) {
		outcome = call_fail(call, OUTCOME_FAILED, "%s: %s", path, strerror(errno));
		(void)unlink(beside);
	}
	return outcome;
}

static void on_note(void *ctx, enum err e)
{
	*(enum err *)ctx = e;
}

/* Before the file changes: no rotation is without its row. */
static enum outcome note_write(const struct call *call, struct database *database)
{
	const struct audit_actor by = {.kind = "cli"};
	const struct audit_note note = {.action = "signing_key.rotate", .reason = "audit"};
	enum err noted = ERR_DB;
	enum err e = audit_note_write(database->db, &by, &note, on_note, &noted);

	if (e == ERR_OK)
		e = db_wait(database->db, DATABASE_WAIT_MS);
	if (e == ERR_OK)
		e = noted;
	return e == ERR_OK ? OUTCOME_OK : database_fail(call, database, e);
}

static enum outcome rotated_say(
	const struct call *call, const char *path, const struct checkpoint_key *key)
{
	char text[CHECKPOINT_KEY_TEXT_MAX];

	checkpoint_key_format(key, text);
	if (call_flag(call, "json"))
		return output_json_new(call, json_pack("{s:s, s:s}", "kind", "audit", "key", text));
	fprintf(call->out,
		"%s\nsigns the audit's checkpoints within seconds: add it as the last line to your "
		"audit.pub, and copy %s to every other scheduler's host, which signs nothing until "
		"then\n",
		text, path);
	return OUTCOME_OK;
}

static enum outcome rotate(const struct call *call, struct database *database)
{
	const struct config_audit *audit = &database->config->audit;
	struct checkpoint_signer before;
	struct checkpoint_key key;
	enum outcome outcome = signer_read(call, audit, &before);
	struct buf seed;

	if (outcome != OUTCOME_OK)
		return outcome;
	checkpoint_signer_clear(&before);
	buf_init(&seed, 256);
	if (seed_make(audit->log, &seed, &key) != ERR_OK)
		outcome = call_fail(call, OUTCOME_FAILED, "no key could be made");
	if (outcome == OUTCOME_OK)
		outcome = note_write(call, database);
	if (outcome == OUTCOME_OK)
		outcome = seed_put(call, audit->signing_key_file, seed.bytes);
	if (outcome == OUTCOME_OK)
		outcome = rotated_say(call, audit->signing_key_file, &key);
	if (seed.bytes)
		digest_wipe(seed.bytes, seed.len);
	buf_clear(&seed);
	return outcome;
}

enum outcome audit_key_rotate(struct call *call)
{
	struct database database;
	enum outcome outcome = database_open(call, call_text(call, "config"), &database);

	if (outcome == OUTCOME_OK)
		outcome = rotate(call, &database);
	database_close(&database);
	return outcome;
}
