#include "domain/rule.h"

#include "domain/money.h"

#include <stdlib.h>
#include <string.h>

enum { PRIORITY_MAX = 9 };

static const char out_of_memory[] = "out of memory";
static const char *const word_names[RULE_WORDS] = {"region", "owner", "queue", "model"};

/* ---- words ---- */

static bool word_fits(const char *pattern, size_t len, const char *word)
{
	if (len > 0 && pattern[len - 1] == '*')
		return strncmp(pattern, word, len - 1) == 0;
	return strlen(word) == len && memcmp(pattern, word, len) == 0;
}

static bool words_fit(const char *patterns, const char *word)
{
	for (;;) {
		size_t len = strcspn(patterns, ",");

		if (word_fits(patterns, len, word))
			return true;
		if (patterns[len] == '\0')
			return false;
		patterns += len + 1;
	}
}

static bool word_may_stand(enum rule_word which, const char *word, size_t len)
{
	if (which == RULE_OWNER)
		return (len == 3 && memcmp(word, "own", 3) == 0) ||
		       (len == 5 && memcmp(word, "other", 5) == 0);
	return len > 0;
}

static bool words_are_right(enum rule_word which, const char *words)
{
	for (;;) {
		size_t len = strcspn(words, ",");

		if (!word_may_stand(which, words, len))
			return false;
		if (words[len] == '\0')
			return true;
		words += len + 1;
	}
}

/* ---- reading ---- */

static const char *words_take(struct rule *rule, enum rule_word which, const char *words)
{
	if (rule->words[which])
		return "a condition stands twice";
	if (!words_are_right(which, words))
		return which == RULE_OWNER ? "owner must be own or other"
					   : "a condition's words must not be empty";
	rule->words[which] = strdup(words);
	return rule->words[which] ? NULL : out_of_memory;
}

static const char *priority_take(struct rule *rule, const char *text)
{
	if (rule->priority_min)
		return "a condition stands twice";
	if (text[0] < '1' || text[0] > '0' + PRIORITY_MAX || text[1] != '\0')
		return "priority must be 1 to 9";
	rule->priority_min = text[0] - '0';
	return NULL;
}

static const char *cost_take(struct rule *rule, const char *text)
{
	if (rule->cost_max_nano != RULE_UNKNOWN)
		return "a condition stands twice";
	if (!money_parse(text, &rule->cost_max_nano))
		return "cost must be an amount in dollars, as 0.05";
	return NULL;
}

static const char *condition_take(struct rule *rule, const char *text)
{
	for (enum rule_word i = 0; i < RULE_WORDS; i++) {
		size_t len = strlen(word_names[i]);

		if (strncmp(text, word_names[i], len) == 0 && text[len] == '=')
			return words_take(rule, i, text + len + 1);
	}
	if (strncmp(text, "priority>=", 10) == 0)
		return priority_take(rule, text + 10);
	if (strncmp(text, "cost<=", 6) == 0)
		return cost_take(rule, text + 6);
	return "a condition must be one of region=, owner=, queue=, model=, priority>=, cost<=";
}

static const char *effect_take(struct rule *rule, const char *text)
{
	rule->denies = strcmp(text, "deny") == 0;
	return rule->denies || strcmp(text, "allow") == 0 ? NULL : "must begin with allow or deny";
}

static const char *permission_take(struct rule *rule, const char *text)
{
	rule->permissions = permission_named(text);
	return rule->permissions ? NULL : "no permission has this name";
}

/* Splits the copy at its spaces; each piece goes where its place says. */
static const char *pieces_take(struct rule *rule, char *copy)
{
	static const char *(*const takes[])(struct rule *, const char *) = {
		effect_take, permission_take, condition_take};
	const char *why = NULL;
	char *rest = NULL;
	size_t n = 0;

	for (char *piece = strtok_r(copy, " ", &rest); piece && !why;
		piece = strtok_r(NULL, " ", &rest)) {
		why = takes[n < 2 ? n : 2](rule, piece);
		n++;
	}
	if (!why && n < 2)
		why = "must be: allow or deny, a permission, conditions";
	return why;
}

static bool is_plain(const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++)
		if (text[i] <= ' ' && (text[i] != ' ' || i == 0 || text[i + 1] <= ' '))
			return false;
	return n > 0 && n < RULE_TEXT_MAX;
}

enum err rule_read(const char *text, struct rule *ret_rule, const char **ret_why)
{
	struct rule rule = {.cost_max_nano = RULE_UNKNOWN};
	char *copy = NULL;
	enum err e = ERR_INVALID_FIELD;

	*ret_why = "must be words with one space between them, at most 1023 bytes";
	if (!is_plain(text))
		goto out;
	copy = strdup(text);
	rule.text = strdup(text);
	*ret_why = copy && rule.text ? pieces_take(&rule, copy) : out_of_memory;
	if (!*ret_why)
		e = ERR_OK;
	else if (*ret_why == out_of_memory)
		e = ERR_NOMEM;
out:
	free(copy);
	if (e)
		rule_clear(&rule);
	else
		*ret_rule = rule;
	return e;
}

void rule_clear(struct rule *rule)
{
	free(rule->text);
	for (enum rule_word i = 0; i < RULE_WORDS; i++)
		free(rule->words[i]);
	memset(rule, 0, sizeof *rule);
}

/* ---- judging ---- */

bool rule_holds(const struct rule *rule, const struct rule_facts *facts, bool if_unknown)
{
	for (enum rule_word i = 0; i < RULE_WORDS; i++)
		if (rule->words[i] && !(facts->words[i] ? words_fit(rule->words[i], facts->words[i])
							: if_unknown))
			return false;
	if (rule->priority_min &&
		!(facts->priority != RULE_UNKNOWN ? facts->priority >= rule->priority_min
						  : if_unknown))
		return false;
	if (rule->cost_max_nano != RULE_UNKNOWN &&
		!(facts->cost_nano != RULE_UNKNOWN ? facts->cost_nano <= rule->cost_max_nano
						   : if_unknown))
		return false;
	return true;
}

bool rule_covers(const struct rule *a, const struct rule *b)
{
	for (enum rule_word i = 0; i < RULE_WORDS; i++)
		if (a->words[i] && (!b->words[i] || strcmp(a->words[i], b->words[i]) != 0))
			return false;
	if (a->priority_min > b->priority_min)
		return false;
	return a->cost_max_nano == RULE_UNKNOWN ||
	       (b->cost_max_nano != RULE_UNKNOWN && b->cost_max_nano <= a->cost_max_nano);
}
