#include "story_call.h"

#include "domain/hold.h"

#include <string.h>

static const char *word(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));

	return text ? text : "";
}

/* Another upstream or model than the attempt before it called. */
static void elsewhere_put(const json_t *last, const json_t *attempt, json_t *called)
{
	static const char *const members[][2] = {
		{"upstream", "instead_of_upstream"}, {"model", "instead_of_model"}};

	for (size_t i = 0; last && i < sizeof(members) / sizeof(members[0]); i++) {
		const char *was = word(last, members[i][0]);
		const char *now = word(attempt, members[i][0]);

		if (*was && *now && strcmp(was, now) != 0)
			json_object_set_new(called, members[i][1], json_string(was));
	}
}

json_t *story_call_fields(const json_t *last, const json_t *attempt)
{
	static const char *const members[] = {
		"upstream", "model", "called_model", "key", "fallback", "held_by"};
	json_t *called = json_object();

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		json_t *value = json_object_get(attempt, members[i]);

		if (value && !json_is_null(value))
			json_object_set(called, members[i], value);
	}
	elsewhere_put(last, attempt, called);
	return called;
}

enum job_wait story_call_wait(const json_t *attempt)
{
	return hold_wait(hold_from_word(word(attempt, "held_by")));
}
