#include "operator.h"

#include "output.h"

#include <string.h>

enum { PATH_MAX_BYTES = 4096 };

enum outcome operator_ask_with(
	struct client *client, const struct operator_call *ask, json_t **ret_json)
{
	struct question question = {
		.method = ask->method, .json = ask->body, .patience_ms = ask->patience_ms};
	struct reply reply;
	struct buf path;
	enum outcome outcome;

	buf_init(&path, PATH_MAX_BYTES);
	buf_text(&path, ask->before);
	client_segment(&path, ask->name);
	buf_text(&path, ask->after);
	if (ask->query)
		buf_text(&path, ask->query);
	if (buf_err(&path) != ERR_OK) {
		buf_clear(&path);
		return call_usage(client->call, "a name is too long");
	}
	question.path = path.bytes;
	outcome = client_ask(client, &question, &reply);
	if (outcome == OUTCOME_OK && ret_json)
		*ret_json = json_incref(reply.json);
	reply_clear(&reply);
	buf_clear(&path);
	return outcome;
}

static bool has(const struct call *call, const char *option)
{
	return command_option(call->command, option, strlen(option)) && call_flag(call, option);
}

enum outcome operator_side(const struct call *call, enum client_side *ret_side)
{
	const bool own = has(call, "own");

	if (own && has(call, "tenant"))
		return call_usage(call, "--own is the tenant of the profile's own key: "
					"--tenant goes without it");
	*ret_side = own ? CLIENT_JOBS : CLIENT_OPERATOR;
	return OUTCOME_OK;
}

static enum outcome ask_on(const struct call *call, enum client_side side,
	const struct operator_call *ask, json_t **ret_json)
{
	struct client client;
	enum outcome outcome = client_open(call, side, &client);

	if (outcome == OUTCOME_OK)
		outcome = operator_ask_with(&client, ask, ret_json);
	client_clear(&client);
	return outcome;
}

enum outcome operator_ask(
	const struct call *call, const struct operator_call *ask, json_t **ret_json)
{
	enum client_side side = CLIENT_OPERATOR;
	enum outcome outcome = operator_side(call, &side);

	if (outcome == OUTCOME_OK)
		outcome = ask_on(call, side, ask, ret_json);
	json_decref(ask->body);
	return outcome;
}

enum outcome operator_tell(const struct call *call, const struct operator_call *ask,
	const char *before_name, const char *after_name)
{
	json_t *json = NULL;
	enum outcome outcome = operator_ask(call, ask, &json);

	if (outcome != OUTCOME_OK)
		return outcome;
	if (call_flag(call, "json"))
		return output_json_new(call, json ? json : json_object());
	fprintf(call->out, "%s%s%s\n", before_name, ask->name, after_name);
	json_decref(json);
	return OUTCOME_OK;
}
