#include "handlers.h"
#include "output.h"
#include "usage.h"

#include "domain/metric.h"
#include "ground/version.h"
#include "ports/json.h"

enum { METRICS_MAX_BYTES = 1 << 20 };

static json_t *option_json(const struct option *o)
{
	return json_pack("{s:s, s:s*, s:s, s:b}", "name", o->name, "value", o->value, "help",
		o->help, "repeatable", (int)o->many);
}

static json_t *command_json(const struct command *c)
{
	json_t *options = json_array();

	for (const struct option *o = c->options; o->name; o++)
		json_array_append_new(options, option_json(o));
	return json_pack("{s:s*, s:s, s:s, s:s, s:o}", "noun", c->noun, "verb", c->verb,
		"arguments", c->arguments, "line", c->line, "options", options);
}

/* The table for other programs, one command or all. */
static enum outcome help_json(struct call *call, const struct command *one)
{
	json_t *list = json_array();

	for (const struct command *c = command_table; c->verb; c++)
		if (!one || c == one)
			json_array_append_new(list, command_json(c));
	return output_json_new(call, json_pack("{s:s, s:o}", "object", "list", "data", list));
}

static enum outcome help_one(struct call *call, const struct command *command)
{
	if (call_flag(call, "json"))
		return help_json(call, command);
	usage_command(call->out, command);
	return OUTCOME_OK;
}

static enum outcome help_metrics(const struct call *call)
{
	struct buf text;
	enum err e;

	buf_init(&text, METRICS_MAX_BYTES);
	e = metric_print_reference(&text);
	if (e == ERR_OK)
		fwrite(text.bytes, 1, text.len, call->out);
	buf_clear(&text);
	return e == ERR_OK ? OUTCOME_OK : call_fail(call, OUTCOME_FAILED, "%s", err_text(e));
}

enum outcome help_run(struct call *call)
{
	const char *noun =
		call->n > 0 && command_is_noun(call->arguments[0]) ? call->arguments[0] : NULL;
	const struct command *command = NULL;

	if (call_flag(call, "markdown")) {
		usage_markdown(call->out);
		return OUTCOME_OK;
	}
	if (call_flag(call, "metrics"))
		return help_metrics(call);
	if (call->n > (noun ? 1U : 0U))
		command = command_find(noun, call->arguments[call->n - 1]);
	if (command)
		return help_one(call, command);
	if (call->n > (noun ? 1U : 0U))
		return call_usage(call, "\"%s\" is not a command", call->arguments[call->n - 1]);
	if (call_flag(call, "json"))
		return help_json(call, NULL);
	usage_all(call->out, noun);
	return OUTCOME_OK;
}

enum outcome version_run(struct call *call)
{
	if (call_flag(call, "json"))
		return output_json_new(call, json_pack("{s:s}", "version", LONGHAUL_VERSION));
	fprintf(call->out, "longhaul %s\n", LONGHAUL_VERSION);
	return OUTCOME_OK;
}
