#include "domain/rule.h"

#include "domain/money.h"

#include <stdlib.h>
#include <string.h>

enum { PRIORITY_MAX = 9 };

static const char out_of_memory[] = "out of memory";
static const char *const names[RULE_CONDITIONS] = {
	"region=", "owner=", "queue=", "model=", "priority>=", "cost<="};

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

static bool word_may_stand(enum rule_condition which, const char *word, size_t len)
{
	if (which == RULE_OWNER)
		return (len == 3 && memcmp(word, "own", 3) == 0) ||
		       (len == 5 && memcmp(word, "other", 5) == 0);
	return len > 0;
}

static bool words_are_right(enum rule_condition which, const char *words)
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

/* FNV-1a (Fowler, Noll, Vo). */
static uint64_t mark_of(const char *words)
{
	uint64_t mark = 14695981039346656037u;

	for (; *words; words++)
		mark = (mark ^ (unsigned char)*words) * 1099511628211u;
	return mark;
}

static const char *words_take(struct rule *rule, enum rule_condition which, const char *words)
{
	if (rule->words[which])
		return "a condition stands twice";
	if (!words_are_right(which, words))
		return which == RULE_OWNER ? "owner must be own or other"
					   : "a condition's words must not be empty";
	rule->words[which] = strdup(words);
	rule->marks[which] = mark_of(words);
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
	enum rule_condition i = 0;

	while (i < RULE_CONDITIONS && strncmp(text, names[i], strlen(names[i])) != 0)
		i++;
	if (i < RULE_WORDS)
		return words_take(rule, i, text + strlen(names[i]));
	if (i == RULE_PRIORITY)
		return priority_take(rule, text + strlen(names[i]));
	if (i == RULE_COST)
		return cost_take(rule, text + strlen(names[i]));
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
	for (enum rule_condition i = 0; i < RULE_WORDS; i++)
		free(rule->words[i]);
	memset(rule, 0, sizeof *rule);
}

/* ---- judging ---- */

static enum rule_answer answer(bool is_known, bool holds)
{
	if (!is_known)
		return RULE_NOT_KNOWN;
	return holds ? RULE_HOLDS : RULE_FAILS;
}

enum rule_answer rule_ask(
	const struct rule *rule, const struct rule_facts *facts, enum rule_condition which)
{
	const char *words = which < RULE_WORDS ? rule->words[which] : NULL;

	if (words)
		return answer(facts->words[which] != NULL,
			facts->words[which] && words_fit(words, facts->words[which]));
	if (which == RULE_PRIORITY && rule->priority_min)
		return answer(
			facts->priority != RULE_UNKNOWN, facts->priority >= rule->priority_min);
	if (which == RULE_COST && rule->cost_max_nano != RULE_UNKNOWN)
		return answer(
			facts->cost_nano != RULE_UNKNOWN, facts->cost_nano <= rule->cost_max_nano);
	return RULE_HOLDS;
}

const char *rule_condition(const struct rule *rule, enum rule_condition which, size_t *ret_len)
{
	const char *at = rule->text;

	while ((at = strchr(at, ' '))) {
		at++;
		if (strncmp(at, names[which], strlen(names[which])) == 0)
			break;
	}
	*ret_len = at ? strcspn(at, " ") : 0;
	return at;
}

bool rule_holds(const struct rule *rule, const struct rule_facts *facts, bool if_unknown)
{
	for (enum rule_condition i = 0; i < RULE_CONDITIONS; i++) {
		const enum rule_answer answer = rule_ask(rule, facts, i);

		if (answer == RULE_FAILS || (answer == RULE_NOT_KNOWN && !if_unknown))
			return false;
	}
	return true;
}

bool rule_covers(const struct rule *a, const struct rule *b)
{
	if (a->priority_min > b->priority_min)
		return false;
	if (a->cost_max_nano != RULE_UNKNOWN &&
		(b->cost_max_nano == RULE_UNKNOWN || b->cost_max_nano > a->cost_max_nano))
		return false;
	for (enum rule_condition i = 0; i < RULE_WORDS; i++)
		if (a->words[i] && (!b->words[i] || a->marks[i] != b->marks[i]))
			return false;
	for (enum rule_condition i = 0; i < RULE_WORDS; i++)
		if (a->words[i] && strcmp(a->words[i], b->words[i]) != 0)
			return false;
	return true;
}
