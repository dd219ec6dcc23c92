/* A line that is a rule reads the same again, covers itself, and holds of the unknown when asked
 * to. */
#include "domain/rule.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check(const struct rule *rule)
{
	const struct rule_facts none = RULE_FACTS_NONE;
	struct rule again;
	const char *why;

	if (!rule->permissions || rule_read(rule->text, &again, &why) != ERR_OK)
		abort();
	if (again.denies != rule->denies || again.permissions != rule->permissions ||
		!rule_covers(&again, rule) || !rule_covers(rule, &again) ||
		!rule_holds(rule, &none, true))
		abort();
	rule_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const char *why = NULL;
	struct rule rule;
	char *text;
	enum err e;

	if (len > 2 * RULE_TEXT_MAX)
		return 0;
	text = calloc(1, len + 1);
	if (!text)
		return 0;
	memcpy(text, bytes, len);
	e = rule_read(text, &rule, &why);
	if (e == ERR_OK) {
		check(&rule);
		rule_clear(&rule);
	} else if (!why) {
		abort();
	}
	free(text);
	return 0;
}
