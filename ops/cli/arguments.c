#include "arguments.h"

#include "duration.h"

#include "ground/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_MAX = 32, WORDS_MAX = 64, SLIPS_MAX = 2 };

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Slips (a letter changed, left out, put in, or two exchanged) from a to b; words over the limit
 * are far. */
static size_t slips(const char *a, const char *b)
{
	size_t cost[WORD_MAX + 1][WORD_MAX + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > WORD_MAX || m > WORD_MAX)
		return WORD_MAX;
	for (size_t i = 0; i <= n; i++) {
		for (size_t j = 0; j <= m; j++) {
			if (i == 0 || j == 0) {
				cost[i][j] = i + j;
				continue;
			}
			size_t change = cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			cost[i][j] = least(change, 1 + least(cost[i - 1][j], cost[i][j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				cost[i][j] = least(cost[i][j], 1 + cost[i - 2][j - 2]);
		}
	}
	return cost[n][m];
}

const char *arguments_nearest(const char *typed, const char *const *words, size_t n)
{
	const char *best = NULL;
	size_t best_slips = SLIPS_MAX + 1;

	for (size_t i = 0; i < n; i++) {
		size_t distance = slips(typed, words[i]);

		/* a slip in a third of the letters makes it another word */
		if (distance < best_slips && 3 * distance <= strlen(words[i])) {
			best_slips = distance;
			best = words[i];
		}
	}
	return best;
}

/* The words that may stand where typed stands: verbs of a noun, or verbs and nouns. */
static size_t candidates(const char *noun, const char *words[WORDS_MAX])
{
	size_t n = 0;

	for (const struct command *c = command_table; c->verb && n + 1 < WORDS_MAX; c++) {
		if (noun && c->noun && strcmp(noun, c->noun) == 0)
			words[n++] = c->verb;
		if (!noun)
			words[n++] = c->noun ? c->noun : c->verb;
	}
	return n;
}

static enum outcome unknown_command(struct call *call, const char *noun, const char *typed)
{
	const char *words[WORDS_MAX];
	const char *near = arguments_nearest(typed, words, candidates(noun, words));

	if (near)
		return call_usage(call, "\"%s\" is not a command; did you mean \"%s%s%s\"?", typed,
			noun ? noun : "", noun ? " " : "", near);
	return call_usage(call, "\"%s\" is not a command%s%s; see \"longhaul help\"", typed,
		noun ? " of " : "", noun ? noun : "");
}

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* How many words before the command are options that every command takes. */
static size_t leading(const char **argv, size_t n)
{
	size_t i = 0;

	while (i < n && argv[i][0] == '-' && argv[i][1] != '\0' && !is_help(argv[i])) {
		const char *word = argv[i] + 1 + (argv[i][1] == '-');
		const struct option *o = command_shared;

		while (o->name &&
			(argv[i][1] == '-' ? strncmp(o->name, word, strcspn(word, "=")) != 0
					   : o->letter != word[0]))
			o++;
		if (!o->name)
			break;
		i += o->kind != OPTION_FLAG && !strchr(word, '=') ? 2 : 1;
	}
	return i < n ? i : n;
}

/* Sets call->command; *ret_used = where the words behind it begin. */
static enum outcome find_command(
	struct call *call, const char **argv, size_t n, size_t skip, size_t *ret_used)
{
	const char *noun = NULL;

	skip += skip + 1 < n && strcmp(argv[skip], "job") == 0; /* jobs are the default noun */
	if (n > skip && command_is_noun(argv[skip]))
		noun = argv[skip++];
	if (n == skip || is_help(argv[skip]))
		return OUTCOME_OK;
	if (!noun && strcmp(argv[skip], "--version") == 0)
		call->command = command_find(NULL, "version");
	else
		call->command = command_find(noun, argv[skip]);
	if (!call->command)
		return unknown_command(call, noun, argv[skip]);
	*ret_used = skip + 1;
	return OUTCOME_OK;
}

static enum outcome unknown_option(struct call *call, const char *typed, size_t len)
{
	const char *words[WORDS_MAX];
	const char *near;
	char name[WORD_MAX + 1];
	size_t n = 0;

	for (const struct option *o = call->command->options; o->name && n < WORDS_MAX; o++)
		words[n++] = o->name;
	for (const struct option *o = command_shared; o->name && n < WORDS_MAX; o++)
		words[n++] = o->name;
	snprintf(name, sizeof(name), "%.*s", (int)least(len, WORD_MAX), typed);
	near = arguments_nearest(name, words, n);
	if (near)
		return call_usage(call, "there is no option --%s; did you mean --%s?", name, near);
	return call_usage(call, "there is no option --%s; see \"longhaul help %s%s%s\"", name,
		call->command->noun ? call->command->noun : "", call->command->noun ? " " : "",
		call->command->verb);
}

static enum outcome check_number(struct call *call, struct call_value *value)
{
	const struct option *o = value->option;
	char *end;

	errno = 0;
	value->number = strtoll(value->text, &end, 10);
	if (errno || *end || end == value->text || value->number < o->min || value->number > o->max)
		return call_usage(call, "--%s takes a whole number from %lld to %lld, not \"%s\"",
			o->name, (long long)o->min, (long long)o->max, value->text);
	return OUTCOME_OK;
}

static enum outcome check_duration(struct call *call, struct call_value *value)
{
	const struct option *o = value->option;

	if (!duration_parse(value->text, &value->number))
		return call_usage(call,
			"--%s takes a length of time like 90, 90s, 10m or 2h, not \"%s\"", o->name,
			value->text);
	if (value->number < o->min || value->number > o->max)
		return call_usage(call, "--%s takes from %lld s to %lld s, not \"%s\"", o->name,
			(long long)o->min, (long long)o->max, value->text);
	return OUTCOME_OK;
}

static bool is_word_of(const struct option *option, const char *text, size_t len)
{
	for (const char *word = option->value; word;) {
		size_t n = strcspn(word, "|");

		if (n == len && memcmp(word, text, n) == 0)
			return true;
		word = word[n] ? word + n + 1 : NULL;
	}
	return false;
}

static enum outcome check_choice(struct call *call, struct call_value *value)
{
	if (is_word_of(value->option, value->text, strlen(value->text)))
		return OUTCOME_OK;
	return call_usage(call, "--%s is one of %s, not \"%s\"", value->option->name,
		value->option->value, value->text);
}

static enum outcome check_choices(struct call *call, struct call_value *value)
{
	for (const char *at = value->text; at;) {
		size_t n = strcspn(at, ",");

		if (!is_word_of(value->option, at, n))
			return call_usage(call, "--%s is of %s, with commas between, not \"%s\"",
				value->option->name, value->option->value, value->text);
		at = at[n] ? at + n + 1 : NULL;
	}
	return OUTCOME_OK;
}

static enum outcome check_text(struct call *call, struct call_value *value)
{
	if (!*value->text)
		return call_usage(call, "--%s must not be empty", value->option->name);
	if (value->option->kind != OPTION_FILE && !utf8_valid(value->text, strlen(value->text)))
		return call_usage(call, "--%s is not UTF-8 text", value->option->name);
	return OUTCOME_OK;
}

static enum outcome check_pair(struct call *call, struct call_value *value)
{
	const char *equals = strchr(value->text, '=');

	if (!equals || equals == value->text)
		return call_usage(
			call, "--%s takes KEY=VALUE, not \"%s\"", value->option->name, value->text);
	return check_text(call, value);
}

static enum outcome (*const checks[])(struct call *, struct call_value *) = {
	[OPTION_TEXT] = check_text,
	[OPTION_FILE] = check_text,
	[OPTION_NUMBER] = check_number,
	[OPTION_DURATION] = check_duration,
	[OPTION_CHOICE] = check_choice,
	[OPTION_CHOICES] = check_choices,
	[OPTION_PAIR] = check_pair,
};

static bool given(const struct call *call, const struct option *option)
{
	for (size_t i = 0; i < call->n_values; i++)
		if (call->values[i].option == option)
			return true;
	return false;
}

/* text: the value, NULL for a flag. */
static enum outcome add(struct call *call, const struct option *option, const char *text)
{
	struct call_value *value = &call->values[call->n_values];
	enum outcome outcome = OUTCOME_OK;

	if (call->n_values == CALL_VALUES_MAX)
		return call_usage(call, "too many options");
	if (!option->many && given(call, option))
		return call_usage(call, "--%s was given twice", option->name);
	*value = (struct call_value){option, text, 0};
	if (option->kind != OPTION_FLAG)
		outcome = checks[option->kind](call, value);
	if (outcome == OUTCOME_OK)
		call->n_values++;
	return outcome;
}

/* One word of the command line, and what may follow it. */
struct cursor {
	const char **argv;
	size_t n, at;
};

/* attached: what stands in the same word, or NULL. */
static enum outcome take(
	struct call *call, const struct option *option, const char *attached, struct cursor *cursor)
{
	if (option->kind == OPTION_FLAG) {
		if (attached)
			return call_usage(call, "--%s takes no value", option->name);
		return add(call, option, NULL);
	}
	if (attached)
		return add(call, option, attached);
	if (cursor->at + 1 >= cursor->n)
		return call_usage(call, "--%s needs %s", option->name, option->value);
	return add(call, option, cursor->argv[++cursor->at]);
}

static enum outcome take_long(struct call *call, struct cursor *cursor)
{
	const char *word = cursor->argv[cursor->at] + 2;
	size_t len = strcspn(word, "=");
	const struct option *option = command_option(call->command, word, len);

	if (!option)
		return unknown_option(call, word, len);
	return take(call, option, word[len] ? word + len + 1 : NULL, cursor);
}

static const struct option *by_letter(const struct command *command, char letter)
{
	for (const struct option *o = command->options; o->name; o++)
		if (o->letter == letter)
			return o;
	for (const struct option *o = command_shared; o->name; o++)
		if (o->letter == letter)
			return o;
	return NULL;
}

/* -nj, -q NAME, -qNAME */
static enum outcome take_short(struct call *call, struct cursor *cursor)
{
	enum outcome outcome = OUTCOME_OK;

	for (const char *c = cursor->argv[cursor->at] + 1; *c && outcome == OUTCOME_OK; c++) {
		const struct option *option = by_letter(call->command, *c);

		if (!option)
			return call_usage(call, "there is no option -%c", *c);
		if (option->kind != OPTION_FLAG)
			return take(call, option, c[1] ? c + 1 : NULL, cursor);
		outcome = add(call, option, NULL);
	}
	return outcome;
}

static enum outcome check_count(struct call *call)
{
	const struct command *c = call->command;

	if (call_flag(call, "help"))
		return OUTCOME_OK;
	if (call->n < (size_t)c->least)
		return call_usage(call, "%s is missing; usage: longhaul %s%s%s %s [OPTIONS]",
			c->arguments, c->noun ? c->noun : "", c->noun ? " " : "", c->verb,
			c->arguments);
	if (c->most != COMMAND_ANY && call->n > (size_t)c->most)
		return call_usage(
			call, "\"%s\" is one argument too many", call->arguments[c->most]);
	return OUTCOME_OK;
}

/* Takes the words from cursor->at up to end. */
static enum outcome take_words(struct call *call, struct cursor *cursor, size_t end)
{
	enum outcome outcome = OUTCOME_OK;
	bool options = true;

	for (; cursor->at < end && outcome == OUTCOME_OK; cursor->at++) {
		const char *word = cursor->argv[cursor->at];

		if (!options || word[0] != '-' || word[1] == '\0')
			call->arguments[call->n++] = word;
		else if (strcmp(word, "--") == 0)
			options = false;
		else
			outcome =
				word[1] == '-' ? take_long(call, cursor) : take_short(call, cursor);
	}
	return outcome;
}

enum outcome arguments_parse(struct call *call, const char **argv, size_t n)
{
	size_t lead = leading(argv, n), rest = 0;
	struct cursor cursor = {argv, n, 0};
	enum outcome outcome = find_command(call, argv, n, lead, &rest);

	if (outcome != OUTCOME_OK || !call->command)
		return outcome;
	call->arguments = argv; /* arguments move to the front: the cursor is always ahead */
	outcome = take_words(call, &cursor, lead);
	cursor.at = rest;
	if (outcome == OUTCOME_OK)
		outcome = take_words(call, &cursor, n);
	if (outcome != OUTCOME_OK)
		return outcome;
	call->arguments[call->n] = NULL;
	return check_count(call);
}
