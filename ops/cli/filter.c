#include "filter.h"

#include "client.h"
#include "duration.h"

#include "ground/clock.h"

#include <string.h>

static const struct {
	const char *option, *member;
	enum { PLAIN, FLAG, WHEN } form;
} filters[] = {
	{"queue", "queue", PLAIN},
	{"state", "state", PLAIN},
	{"kind", "kind", PLAIN},
	{"error-code", "error_code", PLAIN},
	{"model", "model", PLAIN},
	{"upstream", "upstream", PLAIN},
	{"dead", "dead", FLAG},
	{"created-after", "created_after", WHEN},
	{"created-before", "created_before", WHEN},
};

enum { FILTERS = sizeof(filters) / sizeof(filters[0]) };

bool filter_needs_body(const struct call *call)
{
	size_t i = 0;

	return call_text(call, "subject") || call_next(call, "metadata", &i);
}

bool filter_is_given(const struct call *call)
{
	for (size_t i = 0; i < FILTERS; i++)
		if (call_flag(call, filters[i].option))
			return true;
	return filter_needs_body(call);
}

enum outcome filter_when(const struct call *call, const char *option, char *out, size_t room)
{
	char text[CLOCK_TEXT_MAX];
	int64_t ms;

	if (!duration_when(call_text(call, option), clock_record_ms(), &ms))
		return call_usage(call,
			"--%s takes a time like 2030-01-31T12:00:00Z, +90s or -2h, not \"%s\"",
			option, call_text(call, option));
	clock_format(ms, text);
	snprintf(out, room, "%s", text);
	return OUTCOME_OK;
}

/* The i-th filter's value as text; *ret_text is NULL when it was not given. */
static enum outcome value(
	const struct call *call, size_t i, char when[CLOCK_TEXT_MAX], const char **ret_text)
{
	enum outcome outcome = OUTCOME_OK;

	*ret_text = NULL;
	if (!call_flag(call, filters[i].option))
		return OUTCOME_OK;
	if (filters[i].form == WHEN)
		outcome = filter_when(call, filters[i].option, when, CLOCK_TEXT_MAX);
	if (filters[i].form == PLAIN)
		*ret_text = call_text(call, filters[i].option);
	else
		*ret_text = filters[i].form == FLAG ? "true" : when;
	return outcome;
}

enum outcome filter_query(const struct call *call, struct buf *path)
{
	for (size_t i = 0; i < FILTERS; i++) {
		char when[CLOCK_TEXT_MAX];
		const char *text;
		enum outcome outcome = value(call, i, when, &text);

		if (outcome != OUTCOME_OK)
			return outcome;
		client_query(path, filters[i].member, text);
	}
	if (buf_err(path) != ERR_OK)
		return call_usage(call, "the filters are too long");
	return OUTCOME_OK;
}

json_t *filter_metadata(const struct call *call)
{
	json_t *pairs = json_object();
	const char *pair;
	int failed = 0;
	size_t i = 0;

	while ((pair = call_next(call, "metadata", &i))) {
		const char *equals = strchr(pair, '=');

		failed |= json_object_setn_new(
			pairs, pair, (size_t)(equals - pair), json_string(equals + 1));
	}
	if (!failed)
		return pairs;
	json_decref(pairs);
	return NULL;
}

/* A filter that got lost would name more jobs than was meant: every failure counts. */
static enum outcome fill(const struct call *call, json_t *body)
{
	json_t *metadata = filter_metadata(call);
	int failed = metadata == NULL;

	for (size_t i = 0; i < FILTERS; i++) {
		char when[CLOCK_TEXT_MAX];
		const char *text;
		enum outcome outcome = value(call, i, when, &text);

		if (outcome != OUTCOME_OK) {
			json_decref(metadata);
			return outcome;
		}
		if (text)
			failed |= json_object_set_new(body, filters[i].member,
				filters[i].form == FLAG ? json_true() : json_string(text));
	}
	if (call_text(call, "subject"))
		failed |= json_object_set_new(
			body, "subject", json_string(call_text(call, "subject")));
	if (json_object_size(metadata) > 0)
		failed |= json_object_set(body, "metadata", metadata);
	json_decref(metadata);
	return failed ? call_fail(call, OUTCOME_FAILED, "out of memory") : OUTCOME_OK;
}

enum outcome filter_body(const struct call *call, json_t **ret_body)
{
	json_t *body = json_object();
	enum outcome outcome = fill(call, body);

	if (outcome == OUTCOME_OK)
		*ret_body = body;
	else
		json_decref(body);
	return outcome;
}
