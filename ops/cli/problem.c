#include "problem.h"

#include "output.h"

#include <string.h>

static const char *member(const json_t *problem, const char *name)
{
	const char *text = json_string_value(json_object_get(problem, name));

	return text ? text : "";
}

/* The server's words pass through here as text for a terminal, never as a format. */
static void words(const struct call *call, const char *text)
{
	output_text(call->err, text, strlen(text));
}

static void summary(const struct call *call, const json_t *problem)
{
	const char *detail = member(problem, "detail");
	const char *title = member(problem, "title");
	const char *code = member(problem, "code");
	bool pointed = json_array_size(json_object_get(problem, "errors")) > 0;

	/* The detail often repeats the first of the errors, which follow. */
	words(call, *title && (pointed || !*detail) ? title : detail);
	if (*code) {
		words(call, " (");
		words(call, code);
		words(call, ")");
	}
	words(call, "\n");
}

static void pointers(const struct call *call, const json_t *problem)
{
	const json_t *error;
	size_t i;

	json_array_foreach(json_object_get(problem, "errors"), i, error)
	{
		const char *pointer = member(error, "pointer");

		words(call, "  ");
		words(call, *pointer ? pointer : "the whole body");
		words(call, ": ");
		words(call, member(error, "detail"));
		words(call, "\n");
	}
}

static void whose(const struct call *call)
{
	const struct command *c = call->command;

	fprintf(call->err, "longhaul %s%s%s: ", c->noun ? c->noun : "", c->noun ? " " : "",
		c->verb);
}

void problem_say(const struct call *call, int status, const json_t *problem, int64_t retry_after_s)
{
	whose(call);
	if (*member(problem, "detail") || *member(problem, "title"))
		summary(call, problem);
	else
		fprintf(call->err, "the server answered with status %d\n", status);
	pointers(call, problem);
	if (retry_after_s > 0)
		fprintf(call->err, "  try again in %lld s\n", (long long)retry_after_s);
}

void problem_say_line(const struct call *call, size_t line, const json_t *problem)
{
	whose(call);
	fprintf(call->err, "line %zu: ", line);
	summary(call, problem);
	pointers(call, problem);
}
