#include "database.h"
#include "handlers.h"
#include "output.h"
#include "secret_file.h"

#include "ground/apikey.h"
#include "stores/api_key.h"

struct made {
	enum err err;
	bool told;
};

static void on_made(void *ctx, enum err e, const struct api_key *keys, size_t n)
{
	struct made *made = ctx;

	made->err = e;
	made->told = true;
}

static enum outcome insert(
	const struct call *call, struct database *database, const struct api_key *key)
{
	struct made made = {.err = ERR_DB};
	enum err e =
		api_key_bootstrap(database->db, key, call_flag(call, "another"), on_made, &made);

	if (e == ERR_OK)
		e = db_wait(database->db, DATABASE_WAIT_MS);
	if (made.told)
		e = made.err;
	if (e == ERR_CONFLICT)
		return call_fail(call, OUTCOME_CONFLICT,
			"there is an operator already; that operator's key makes further ones,"
			" --another makes one for another person");
	return e == ERR_OK ? OUTCOME_OK : database_fail(call, database, e);
}

static enum outcome make(const struct call *call, struct api_key *key, char text[APIKEY_TEXT_MAX])
{
	struct database database;
	enum outcome outcome = database_open(call, call_text(call, "config"), &database);

	if (outcome == OUTCOME_OK) {
		apikey_new(text);
		apikey_hash(text, APIKEY_LEN, key->hash);
		key->id = id_new(0); /* after the connection: the record's time is known */
		outcome = insert(call, &database, key);
	}
	database_close(&database);
	return outcome;
}

static enum outcome show(const struct call *call, const struct api_key *key, const char *text)
{
	char id[ID_TEXT_MAX];

	id_format("key", key->id, id);
	if (call_flag(call, "json"))
		return output_json_new(
			call, json_pack("{s:s, s:s, s:b, s:s*}", "id", id, "object", "api_key",
				      "operator", 1, "key", call_flag(call, "show") ? text : NULL));
	if (call_flag(call, "show"))
		fprintf(call->out, "%s\n", text);
	else
		fprintf(call->out, "operator's key %s is made\n", id);
	return OUTCOME_OK;
}

enum outcome bootstrap_run(struct call *call)
{
	const char *path = call_text(call, "key-file");
	struct api_key key = {
		.name = call_flag(call, "another") ? "another operator" : "first operator",
		.operator= true };
	char text[APIKEY_TEXT_MAX];
	enum outcome outcome = OUTCOME_OK;
	int fd = -1;

	if (!path && !call_flag(call, "show"))
		return call_usage(call, "say where the key goes: --key-file FILE, or --show");
	if (path)
		outcome = secret_file_reserve(call, path, &fd);
	if (outcome != OUTCOME_OK)
		return outcome;
	outcome = make(call, &key, text);
	if (outcome != OUTCOME_OK)
		secret_file_drop(path, fd);
	else if (path)
		outcome = secret_file_fill(call, path, fd, text);
	if (outcome == OUTCOME_OK)
		outcome = show(call, &key, text);
	digest_wipe(text, sizeof(text));
	return outcome;
}
