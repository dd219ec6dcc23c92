#include "usage.h"

#include "profile.h"

#include <string.h>

enum { SYNOPSIS_MAX = 80, SYNOPSIS_WIDTH = 26, OPTION_WIDTH = 28 };

static void synopsis(const struct command *c, char out[SYNOPSIS_MAX])
{
	snprintf(out, SYNOPSIS_MAX, "%s%s%s%s%s", c->noun ? c->noun : "", c->noun ? " " : "",
		c->verb, *c->arguments ? " " : "", c->arguments);
}

void usage_all(FILE *out, const char *noun)
{
	char text[SYNOPSIS_MAX];

	fprintf(out, "usage: longhaul COMMAND [ARGUMENTS] [OPTIONS]\n\n");
	for (const struct command *c = command_table; c->verb; c++) {
		if (noun && (!c->noun || strcmp(c->noun, noun) != 0))
			continue;
		synopsis(c, text);
		if (strlen(text) > SYNOPSIS_WIDTH)
			fprintf(out, "  %s\n  %-*s %s\n", text, SYNOPSIS_WIDTH, "", c->line);
		else
			fprintf(out, "  %-*s %s\n", SYNOPSIS_WIDTH, text, c->line);
	}
	fprintf(out, "\n\"longhaul help COMMAND\" explains one. Every command takes --json.\n");
	if (noun)
		return;
	fprintf(out, "\nexit codes:\n");
	for (const struct outcome_row *row = outcome_rows; row->text; row++)
		fprintf(out, "  %d  %s\n", (int)row->code, row->text);
}

static void option_form(const struct option *o, char out[SYNOPSIS_MAX])
{
	bool choice = option_has_words(o);
	char letter[8] = "    ";

	if (o->letter)
		snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	snprintf(out, SYNOPSIS_MAX, "%s--%s%s%s", letter, o->name, o->value ? " " : "",
		choice	   ? (o->kind == OPTION_CHOICE ? "WORD" : "WORDS")
		: o->value ? o->value
			   : "");
}

static void options(FILE *out, const struct option *o)
{
	char form[SYNOPSIS_MAX];

	for (; o->name; o++) {
		option_form(o, form);
		fprintf(out, "  %-*s %s%s\n", OPTION_WIDTH, form, o->help,
			o->many ? "; may be repeated" : "");
		if (option_has_words(o))
			fprintf(out, "  %-*s   %s\n", OPTION_WIDTH, "", o->value);
	}
}

void usage_command(FILE *out, const struct command *c)
{
	char text[SYNOPSIS_MAX];

	synopsis(c, text);
	fprintf(out, "usage: longhaul %s [OPTIONS]\n\n%s\n\noptions:\n", text, c->line);
	options(out, c->options);
	options(out, command_shared);
	if (c->more)
		fprintf(out, "\n%s\n", c->more);
}

static void markdown_options(FILE *out, const struct option *o)
{
	char form[SYNOPSIS_MAX];

	for (; o->name; o++) {
		option_form(o, form);
		fprintf(out, "- `%s` %s%s", form + strspn(form, " "), o->help,
			o->many ? "; may be repeated" : "");
		for (const char *c = option_has_words(o) ? o->value : NULL; c;) {
			int n = (int)strcspn(c, "|");

			fprintf(out, "%s`%.*s`", c == o->value ? ": " : ", ", n, c);
			c = c[n] ? c + n + 1 : NULL;
		}
		fputc('\n', out);
	}
	fputc('\n', out);
}

static void markdown_command(FILE *out, const struct command *c)
{
	char text[SYNOPSIS_MAX];

	synopsis(c, text);
	fprintf(out, "### longhaul %s\n\n%c%s.\n\n", text, c->line[0] - 'a' + 'A', c->line + 1);
	if (c->options->name)
		markdown_options(out, c->options);
	if (c->more)
		fprintf(out, "```text\n%s\n```\n\n", c->more);
}

static const char introduction[] =
	"# The command line\n\n"
	"`longhaul help --markdown` prints this page from the program's own table; a test fails\n"
	"when the two differ.\n\n"
	"Jobs are what a command speaks of unless it names something else: `longhaul get JOB`,\n"
	"but `longhaul queue list`. Results go to standard output, words for people to standard\n"
	"error. On a terminal waiting shows its progress; elsewhere it prints plain lines.\n\n";

void usage_markdown(FILE *out)
{
	fputs(introduction, out);
	fprintf(out, "## Profile\n\n%s\n## Exit codes\n\n| code | meaning |\n| --- | --- |\n",
		profile_help);
	for (const struct outcome_row *row = outcome_rows; row->text; row++)
		fprintf(out, "| %d | %s |\n", (int)row->code, row->text);
	fprintf(out, "\n## Every command takes\n\n");
	markdown_options(out, command_shared);
	fprintf(out, "## Commands\n\n");
	for (const struct command *c = command_table; c->verb; c++)
		markdown_command(out, c);
}
