#include "access.h"
#include "audit_key.h"
#include "handlers.h"
#include "listing.h"
#include "output.h"
#include "secret_file.h"

#include <string.h>

enum { DAY_S = 86400 };

static const struct column columns[] = {
	{"KIND", "kind", COLUMN_PLAIN},
	{"KEY", "id", COLUMN_PLAIN},
	{"STATE", "state", COLUMN_PLAIN},
	{"SIGNS", "signs_at", COLUMN_PLAIN},
	{"ENDS", "ends_at", COLUMN_PLAIN},
	{"TENANT", "tenant", COLUMN_PLAIN},
	{"MARK", "mark", COLUMN_PLAIN},
	{"PREVIOUS UNTIL", "previous_until", COLUMN_PLAIN},
	{NULL, NULL, COLUMN_PLAIN},
};

enum outcome signing_key_list_run(struct call *call)
{
	struct buf path;
	enum outcome outcome;

	buf_init(&path, 1024);
	buf_text(&path, "/v1/signing-keys");
	client_query(&path, "kind", call_text(call, "kind"));
	if (buf_err(&path) == ERR_OK)
		outcome = listing_run(call, CLIENT_OPERATOR, path.bytes, columns);
	else
		outcome = call_usage(call, "the kind is token, audit or webhook");
	buf_clear(&path);
	return outcome;
}

/* ---- keys of tokens ---- */

/* Takes the body. tells: since when it signs stands behind the words. */
static enum outcome token_rotate(struct call *call, json_t *body, const char *words, bool tells)
{
	struct operator_call ask = {.method = "POST",
		.before = "/v1/signing-keys/rotate",
		.name = "",
		.after = "",
		.body = body};
	json_t *key = NULL;
	enum outcome outcome = operator_ask(call, &ask, &key);
	const char *at;

	if (outcome != OUTCOME_OK)
		return outcome;
	if (call_flag(call, "json"))
		return output_json_new(call, key);
	at = tells ? json_string_value(json_object_get(key, "signs_at")) : NULL;
	fprintf(call->out, "key %s %s%s\n", json_string_value(json_object_get(key, "id")), words,
		at ? at : "");
	json_decref(key);
	return OUTCOME_OK;
}

static enum outcome token_rotate_run(struct call *call)
{
	int64_t signs_in_s = call_number(call, "signs-in", -1);
	json_t *body =
		signs_in_s < 0 ? json_object() : json_pack("{s:I}", "signs_in_s", signs_in_s);

	return token_rotate(call, body, "is published; it signs from ", true);
}

/* How many tokens they signed is no row of the record. */
static void emergency_show(const struct call *call, const json_t *change)
{
	fprintf(call->out,
		"nothing was changed: all tokens of %zu keys would be refused; API keys and "
		"refresh tokens get new ones\n",
		json_array_size(json_object_get(change, "ends")));
	access_lines_show(call, "ends", json_object_get(change, "ends"));
}

static enum outcome emergency_try(struct call *call)
{
	struct operator_call ask = {.method = "POST",
		.before = "/v1/signing-keys/rotate",
		.name = "",
		.after = "",
		.query = access_dry_query(call),
		.body = json_pack("{s:b}", "emergency", 1)};

	return access_dry_run(call, &ask, emergency_show);
}

enum outcome signing_key_emergency_run(struct call *call)
{
	if (call_flag(call, "dry-run"))
		return emergency_try(call);
	return token_rotate(call, json_pack("{s:b}", "emergency", 1),
		"signs; nothing that older keys signed is believed", false);
}

/* ---- secrets of webhooks ---- */

static enum outcome webhook_rotate(struct call *call, json_t **ret_json)
{
	struct operator_call ask = {.method = "POST",
		.before = "/v1/tenants/",
		.name = call->arguments[0],
		.after = "/webhook-secret",
		.body = json_pack(
			"{s:I}", "overlap_s", (json_int_t)call_number(call, "overlap", DAY_S))};

	return operator_ask(call, &ask, ret_json);
}

/* The secret leaves through its file only. */
static enum outcome keep(struct call *call, json_t *told, const char *path, int fd)
{
	const char *secret = json_string_value(json_object_get(told, "webhook_secret"));
	enum outcome outcome;

	if (!secret) {
		secret_file_drop(path, fd);
		return call_fail(call, OUTCOME_FAILED, "the server told no webhook secret");
	}
	outcome = secret_file_fill(call, path, fd, secret);
	json_object_del(told, "webhook_secret");
	if (outcome == OUTCOME_OK && call_flag(call, "json"))
		return output_json(call, told);
	if (outcome == OUTCOME_OK)
		fprintf(call->out, "webhooks of %s are signed by a new secret\n",
			call->arguments[0]);
	return outcome;
}

static enum outcome webhook_rotate_run(struct call *call)
{
	const char *path = call_text(call, "webhook-secret-file");
	json_t *told = NULL;
	enum outcome outcome;
	int fd = -1;

	if (!path)
		return call_usage(call, "say where the secret goes: --webhook-secret-file FILE");
	outcome = secret_file_reserve(call, path, &fd);
	if (outcome != OUTCOME_OK)
		return outcome;
	outcome = webhook_rotate(call, &told);
	if (outcome == OUTCOME_OK)
		outcome = keep(call, told, path, fd);
	else
		secret_file_drop(path, fd);
	json_decref(told);
	return outcome;
}

enum outcome signing_key_rotate_run(struct call *call)
{
	const char *kind = call_text(call, "kind");
	const char *meant = call->n > 0 ? "webhook" : "token";

	if (kind && strcmp(kind, "audit") == 0 && call->n == 0)
		return audit_key_rotate(call);
	if (kind && strcmp(kind, meant) != 0)
		return call_usage(call, "the kind is audit, token, or with TENANT webhook");
	if (call->n > 0)
		return webhook_rotate_run(call);
	if (call_text(call, "webhook-secret-file") || call_number(call, "overlap", -1) >= 0)
		return call_usage(call, "whose webhook secret? Name the TENANT");
	return token_rotate_run(call);
}
