/* longhaul - the command line. What can be typed: command.c. */
#include "arguments.h"
#include "usage.h"

#include "ground/log.h"

#include <signal.h>
#include <string.h>

/* "longhaul", "longhaul --help", "longhaul queue": what could follow. */
static enum outcome explain(struct call *call, const char **words, size_t n)
{
	bool asked = n > 0 && words[n - 1][0] == '-';
	const char *noun = NULL;

	for (size_t i = 0; i < n && !noun; i++)
		noun = command_is_noun(words[i]) ? words[i] : NULL;

	usage_all(asked ? call->out : call->err, noun);
	return asked ? OUTCOME_OK : OUTCOME_USAGE;
}

static enum outcome run(struct call *call, const char **words, size_t n)
{
	enum outcome outcome = arguments_parse(call, words, n);

	if (outcome != OUTCOME_OK)
		return outcome;
	if (!call->command)
		return explain(call, words, n);
	if (call_flag(call, "help")) {
		usage_command(call->out, call->command);
		return OUTCOME_OK;
	}
	return call->command->run(call);
}

int main(int argc, char **argv)
{
	struct call call = {.out = stdout, .err = stderr};
	size_t n = argc > 0 ? (size_t)argc - 1 : 0;
	enum outcome outcome;

	log_open("longhaul", LOG_LEVEL_ERROR);
	signal(SIGPIPE, SIG_IGN); /* a closed pipe is a failed write, seen below */
	outcome = run(&call, (const char **)argv + (argc > 0), n);
	if ((fflush(stdout) != 0 || ferror(stdout)) && outcome == OUTCOME_OK)
		outcome = call_fail(&call, OUTCOME_FAILED, "standard output could not be written");
	return outcome;
}
