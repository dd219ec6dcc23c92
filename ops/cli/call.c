#include "call.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

static const struct call_value *find(const struct call *call, const char *name)
{
	assert(command_option(call->command, name, strlen(name)));
	for (size_t i = 0; i < call->n_values; i++)
		if (strcmp(call->values[i].option->name, name) == 0)
			return &call->values[i];
	return NULL;
}

bool call_flag(const struct call *call, const char *name)
{
	return find(call, name) != NULL;
}

const char *call_text(const struct call *call, const char *name)
{
	const struct call_value *value = find(call, name);

	return value ? value->text : NULL;
}

int64_t call_number(const struct call *call, const char *name, int64_t fallback)
{
	const struct call_value *value = find(call, name);

	return value ? value->number : fallback;
}

const char *call_next(const struct call *call, const char *name, size_t *i)
{
	while (*i < call->n_values) {
		const struct call_value *value = &call->values[(*i)++];

		if (strcmp(value->option->name, name) == 0)
			return value->text;
	}
	return NULL;
}

__attribute__((format(printf, 2, 0))) static void say(
	const struct call *call, const char *sentence, va_list list)
{
	const struct command *command = call->command;

	fprintf(call->err, "longhaul%s%s%s%s: ", command && command->noun ? " " : "",
		command && command->noun ? command->noun : "", command ? " " : "",
		command ? command->verb : "");
	vfprintf(call->err, sentence, list);
	fputc('\n', call->err);
}

enum outcome call_usage(const struct call *call, const char *sentence, ...)
{
	va_list list;

	va_start(list, sentence);
	say(call, sentence, list);
	va_end(list);
	return OUTCOME_USAGE;
}

enum outcome call_fail(const struct call *call, enum outcome outcome, const char *sentence, ...)
{
	va_list list;

	va_start(list, sentence);
	say(call, sentence, list);
	va_end(list);
	return outcome;
}
