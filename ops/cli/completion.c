/* Completion, written from the command table. Every shell gets the same facts:
 * which verbs there are, which options a verb has, what an option's value may be. */
#include "handlers.h"
#include "output.h"

#include <string.h>

/* The first row of each noun stands for the noun. */
static bool begins_noun(const struct command *command)
{
	for (const struct command *c = command_table; c != command; c++)
		if (c->noun && command->noun && strcmp(c->noun, command->noun) == 0)
			return false;
	return command->noun != NULL;
}

static void print_first_words(FILE *out)
{
	for (const struct command *c = command_table; c->verb; c++)
		if (!c->noun || begins_noun(c))
			fprintf(out, "%s ", c->noun ? c->noun : c->verb);
}

static void print_verbs(FILE *out, const char *noun)
{
	for (const struct command *c = command_table; c->verb; c++)
		if (c->noun && strcmp(c->noun, noun) == 0)
			fprintf(out, "%s ", c->verb);
}

static void print_options(FILE *out, const struct option *o)
{
	for (; o->name; o++)
		fprintf(out, "--%s ", o->name);
}

static void print_words(FILE *out, const char *choices)
{
	for (; *choices; choices++)
		fputc(*choices == '|' ? ' ' : *choices, out);
}

/* bash and zsh share a shape: a table of words by "COMMAND" and by "COMMAND --option". */
static void print_option_values(FILE *out, const struct command *c, const struct option *o)
{
	for (; o->name; o++) {
		if (!option_has_words(o) && o->kind != OPTION_FILE)
			continue;
		fprintf(out, "\t'%s%s%s --%s'", c->noun ? c->noun : "", c->noun ? " " : "", c->verb,
			o->name);
		if (o->letter)
			fprintf(out, "|'%s%s%s -%c'", c->noun ? c->noun : "", c->noun ? " " : "",
				c->verb, o->letter);
		fputs(o->kind == OPTION_CHOICES ? ") some=1 words='" : ") words='", out);
		if (option_has_words(o))
			print_words(out, o->value);
		else
			fputs("<file>", out);
		fputs("' ;;\n", out);
	}
}

static bool takes_files(const struct command *c)
{
	return strstr(c->arguments, "FILE") != NULL;
}

static void print_cases(FILE *out)
{
	fputs("\tcase \"$command $previous\" in\n", out);
	for (const struct command *c = command_table; c->verb; c++) {
		print_option_values(out, c, c->options);
		print_option_values(out, c, command_shared);
	}
	fputs("\t'completion completion') words='bash zsh fish' ;;\n", out);
	fputs("\t*) case \"$command\" in\n", out);
	for (const struct command *c = command_table; c->verb; c++) {
		fprintf(out, "\t'%s%s%s') words='", c->noun ? c->noun : "", c->noun ? " " : "",
			c->verb);
		print_options(out, c->options);
		print_options(out, command_shared);
		fputs(takes_files(c) ? "' files=1 ;;\n" : "' ;;\n", out);
	}
	fputs("\tesac ;;\n\tesac\n", out);
}

static void print_noun_cases(FILE *out)
{
	for (const struct command *c = command_table; c->verb; c++) {
		if (!begins_noun(c))
			continue;
		fprintf(out, "\t%s) verbs='", c->noun);
		print_verbs(out, c->noun);
		fputs("' ;;\n", out);
	}
}

/* Options may stand before the command, and `help` before the command that it explains. */
static void print_bash_head(FILE *out)
{
	fputs("_longhaul() {\n"
	      "\tlocal current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
	      "\tlocal command='' words='' verbs='' some='' files='' at=1\n"
	      "\tCOMPREPLY=()\n"
	      "\twhile [ \"$at\" -lt \"$COMP_CWORD\" ]; do\n"
	      "\t\tcase ${COMP_WORDS[at]} in\n"
	      "\t\t-p|--profile) at=$((at + 2)) ;;\n"
	      "\t\t-*) at=$((at + 1)) ;;\n"
	      "\t\thelp) [[ $current == -* ]] && break; at=$((at + 1)) ;;\n"
	      "\t\t*) break ;;\n"
	      "\t\tesac\n"
	      "\tdone\n"
	      "\tcommand=${COMP_WORDS[at]}\n"
	      "\tcase $command in\n",
		out);
	print_noun_cases(out);
	fputs("\tesac\n"
	      "\t[ -n \"$verbs\" ] && command=\"$command ${COMP_WORDS[at+1]}\"\n",
		out);
}

static void print_bash_words(FILE *out)
{
	fputs("\tif [ \"$at\" -gt \"$COMP_CWORD\" ]; then words='<file>'\n"
	      "\telif [ \"$at\" = \"$COMP_CWORD\" ] && [[ $current == -* ]]; then words='",
		out);
	print_options(out, command_shared);
	fputs("'\n\telif [ \"$at\" = \"$COMP_CWORD\" ]; then words='", out);
	print_first_words(out);
	fputs("'\n\telif [ -n \"$verbs\" ] && [ \"$COMP_CWORD\" = $((at + 1)) ]; then "
	      "words=$verbs\n"
	      "\telse\n",
		out);
	print_cases(out);
	fputs("\tfi\n", out);
}

static void print_bash(FILE *out)
{
	print_bash_head(out);
	print_bash_words(out);
	fputs("\t[ -n \"$files\" ] && [[ $current != -* ]] && words='<file>'\n"
	      "\tif [ \"$words\" = '<file>' ]; then\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
	      "\telif [ -n \"$some\" ] && [[ $current == *,* ]]; then\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -P \"${current%,*},\" -W \"$words\" -- "
	      "\"${current##*,}\")\n"
	      "\telse\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
	      "\tfi\n"
	      "}\n"
	      "complete -o filenames -F _longhaul longhaul\n",
		out);
}

static void print_zsh(FILE *out)
{
	fputs("#compdef longhaul\n"
	      "_longhaul() {\n"
	      "\tlocal previous=${words[CURRENT-1]} command=${words[2]} second=${words[3]} "
	      "verbs=''\n"
	      "\tlocal place=$CURRENT\n"
	      "\tlocal current=${words[CURRENT]} words='' some='' files=''\n"
	      "\tcase $command in\n",
		out);
	print_noun_cases(out);
	fputs("\tesac\n"
	      "\t[[ -n $verbs ]] && command=\"$command $second\"\n"
	      "\tif (( place == 2 )); then words='",
		out);
	print_first_words(out);
	fputs("'\n\telif [[ -n $verbs ]] && (( place == 3 )); then words=$verbs\n\telse\n", out);
	print_cases(out);
	fputs("\tfi\n"
	      "\t[[ -n $files && $current != -* ]] && words='<file>'\n"
	      "\t[[ -n $some ]] && compset -P '*,'\n"
	      "\tif [[ $words == '<file>' ]]; then _files; else compadd -- ${=words}; fi\n"
	      "}\n"
	      "compdef _longhaul longhaul\n",
		out);
}

/* Help texts stand in single quotes. */
static void print_quoted(FILE *out, const char *text)
{
	fputc('\'', out);
	for (; *text; text++) {
		if (*text == '\'')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('\'', out);
}

static void print_fish_options(FILE *out, const struct command *c, const struct option *o)
{
	for (; o->name; o++) {
		fputs("complete -c longhaul -n '__fish_seen_subcommand_from ", out);
		if (c->noun)
			fprintf(out, "%s; and __fish_seen_subcommand_from ", c->noun);
		fprintf(out, "%s' -l %s", c->verb, o->name);
		if (o->letter)
			fprintf(out, " -s %c", o->letter);
		if (o->kind == OPTION_FILE)
			fputs(" -rF", out);
		else if (o->kind != OPTION_FLAG)
			fputs(" -x", out);
		if (option_has_words(o)) {
			fputs(" -a '", out);
			print_words(out, o->value);
			fputc('\'', out);
		}
		fputs(" -d ", out);
		print_quoted(out, o->help);
		fputc('\n', out);
	}
}

static void print_fish_words(FILE *out, const struct command *c)
{
	if (!c->noun)
		fprintf(out, "complete -c longhaul -n __fish_use_subcommand -a %s -d ", c->verb);
	else
		fprintf(out, "complete -c longhaul -n '__fish_seen_subcommand_from %s' -a %s -d ",
			c->noun, c->verb);
	print_quoted(out, c->line);
	fputc('\n', out);
	if (begins_noun(c))
		fprintf(out, "complete -c longhaul -n __fish_use_subcommand -a %s\n", c->noun);
}

static void print_fish_files(FILE *out, const struct command *c)
{
	if (!takes_files(c))
		return;
	fputs("complete -c longhaul -F -n '__fish_seen_subcommand_from ", out);
	if (c->noun)
		fprintf(out, "%s; and __fish_seen_subcommand_from ", c->noun);
	fprintf(out, "%s'\n", c->verb);
}

static void print_fish(FILE *out)
{
	fputs("complete -c longhaul -f\n", out);
	for (const struct command *c = command_table; c->verb; c++) {
		print_fish_words(out, c);
		print_fish_options(out, c, c->options);
		print_fish_options(out, c, command_shared);
		print_fish_files(out, c);
	}
	fputs("complete -c longhaul -n '__fish_seen_subcommand_from completion' -a 'bash zsh "
	      "fish'\n",
		out);
}

static const struct {
	const char *name;
	void (*print)(FILE *out);
} shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};

enum outcome completion_run(struct call *call)
{
	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		if (strcmp(shells[i].name, call->arguments[0]) != 0)
			continue;
		shells[i].print(call->out);
		return OUTCOME_OK;
	}
	return call_usage(
		call, "completion is there for bash, zsh and fish, not \"%s\"", call->arguments[0]);
}
