#include "bulk.h"
#include "handlers.h"
#include "job.h"
#include "output.h"
#include "prompt.h"
#include "wait.h"
#include "watch.h"

#include "ground/digest.h"

#include <string.h>

enum { TRIES_MAX = 4, PAUSE_MS = 500, KEY_BYTES = 16, KEY_MAX = 256, PATIENCE_S = 10 };

/* The caller's idempotency key or one of our own: whatever happens on the way, trying again never
 * makes a second job. */
static void put_key(const struct call *call, char key[KEY_MAX])
{
	const char *given = call_text(call, "idempotency-key");
	uint8_t chance[KEY_BYTES];
	char hex[2 * KEY_BYTES + 1];

	digest_random(chance, sizeof(chance));
	digest_hex(chance, sizeof(chance), hex);
	if (given)
		snprintf(key, KEY_MAX, "%s", given);
	else
		snprintf(key, KEY_MAX, "cli-%s", hex);
}

static enum outcome post_once(
	struct client *client, const json_t *job, const char *key, struct reply *ret)
{
	char header[KEY_MAX + 32];
	struct question question = {
		.method = "POST", .path = "/v1/jobs", .header = header, .json = job, .quiet = true};

	snprintf(header, sizeof(header), "Idempotency-Key: %s", key);
	return client_ask(client, &question, ret);
}

/* The server is away for a moment; one that names a longer time is not waited for. */
static bool is_brief(const struct reply *reply)
{
	return reply->status == 503 && reply->retry_after_s <= PATIENCE_S;
}

/* Tries again while it is not known whether the job was accepted, and while the server says that
 * it is away; not when no server was there in the first place. */
static enum outcome post(struct client *client, const json_t *job, struct reply *ret)
{
	char key[KEY_MAX];
	bool unknown = false;
	enum outcome outcome;

	put_key(client->call, key);
	for (int tries = 1;; tries++) {
		outcome = post_once(client, job, key, ret);
		unknown |= !ret->whole && ret->sent;
		if (outcome != OUTCOME_UNAVAILABLE || tries == TRIES_MAX ||
			(ret->whole ? !is_brief(ret) : !unknown))
			break;
		client_pause(ret->retry_after_s > 0 ? ret->retry_after_s * 1000 : PAUSE_MS * tries);
		reply_clear(ret);
	}
	if (outcome != OUTCOME_OK)
		client_complain(client, ret);
	if (outcome != OUTCOME_OK && unknown)
		fprintf(client->call->err,
			"  the job may have been accepted: --idempotency-key %s with the same "
			"command settles it\n",
			key);
	return outcome;
}

static int64_t timeout_ms(const struct call *call)
{
	int64_t timeout_s = call_number(call, "timeout", -1);

	return timeout_s < 0 ? -1 : timeout_s * 1000;
}

/* Waits or watches as asked. However that ends, the job's id must not get lost. */
static enum outcome accompany(struct client *client, const char *id)
{
	const struct call *call = client->call;
	enum outcome outcome;

	if (call_flag(call, "watch"))
		outcome = watch_job(client, id, NULL, timeout_ms(call));
	else
		outcome = job_wait_for(client, &id, 1, timeout_ms(call));
	if (outcome != OUTCOME_OK && outcome != OUTCOME_FAILED)
		fprintf(call->err, "the job was accepted: %s\n", id);
	return outcome;
}

static enum outcome show(const struct call *call, const struct reply *reply, const char *id)
{
	if (call_flag(call, "json"))
		return output_json(call, reply->json);
	fprintf(call->out, "%s\n", id);
	if (reply->replayed && call_flag(call, "idempotency-key"))
		fprintf(call->err, "this idempotency key was used before: it is the same job\n");
	return OUTCOME_OK;
}

static enum outcome follow(struct client *client, const struct reply *reply)
{
	const struct call *call = client->call;
	const char *id = json_string_value(json_object_get(reply->json, "id"));

	if (!id || job_check_id(call, id) != OUTCOME_OK)
		return call_fail(call, OUTCOME_FAILED, "the server told no job's id");
	if (call_flag(call, "watch") || call_flag(call, "wait"))
		return accompany(client, id);
	return show(call, reply, id);
}

static enum outcome submit_one(struct client *client)
{
	json_t *job = NULL;
	struct reply reply;
	enum outcome outcome = prompt_job(client->call, client->profile.model, &job);

	if (outcome != OUTCOME_OK)
		return outcome;
	outcome = post(client, job, &reply);
	json_decref(job);
	if (outcome == OUTCOME_OK)
		outcome = follow(client, &reply);
	reply_clear(&reply);
	return outcome;
}

static bool is_header_text(const char *text)
{
	size_t n = strlen(text);

	for (const char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			return false;
	return n <= 255;
}

static enum outcome check(const struct call *call)
{
	const char *key = call_text(call, "idempotency-key");
	bool bulk = call_flag(call, "ndjson");

	if (key && !is_header_text(key))
		return call_usage(
			call, "--idempotency-key takes 1 to 255 printable ASCII characters");
	if (call_flag(call, "wait") && call_flag(call, "watch"))
		return call_usage(call, "--wait or --watch, not both");
	if (call_flag(call, "timeout") && !call_flag(call, "wait") && !call_flag(call, "watch"))
		return call_usage(call, "--timeout goes with --wait or --watch");
	if (bulk && (call->n > 0 || call_flag(call, "file") || call_flag(call, "input") ||
			    call_flag(call, "system")))
		return call_usage(call,
			"with --ndjson the lines hold the input: no prompt, --file, "
			"--input or --system");
	if (bulk && (key || call_flag(call, "wait") || call_flag(call, "watch")))
		return call_usage(
			call, "--ndjson goes with no --wait, --watch or --idempotency-key");
	if (call_flag(call, "input") &&
		(call->n > 0 || call_flag(call, "file") || call_flag(call, "system") ||
			call_flag(call, "model")))
		return call_usage(call,
			"--input is the whole input: no prompt, --file, --system or "
			"--model besides");
	return OUTCOME_OK;
}

enum outcome submit_run(struct call *call)
{
	struct client client;
	enum outcome outcome = check(call);

	if (outcome != OUTCOME_OK)
		return outcome;
	outcome = client_open(call, CLIENT_JOBS, &client);
	if (outcome == OUTCOME_OK)
		outcome = call_flag(call, "ndjson") ? bulk_submit(&client) : submit_one(&client);
	client_clear(&client);
	return outcome;
}
