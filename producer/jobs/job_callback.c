#include "jobs/job_callback.h"

#include "domain/origin.h"
#include "jobs/job_values.h"

#include <string.h>

static void origin_check(const struct job_scene *scene, const char *text, struct problems *p)
{
	const struct tenant_facts *facts = scene->caller->facts;
	struct url url;
	const char *fault = url_parse(text, strlen(text), &url);

	if (fault) {
		problems_add(p, "/callback/url", "%s", fault);
		return;
	}
	if (!url.https && !scene->config->webhook.allow_http)
		problems_add(p, "/callback/url", "must be an https address");
	for (size_t i = 0; i < facts->origins_n; i++)
		if (origin_entry_covers(facts->origins[i], strlen(facts->origins[i]), &url))
			return;
	problems_add(p, "/callback/url", "its origin is not on the tenant's list");
}

/* The bits of the events to be told. */
static int events_read(const json_t *events, struct problems *p)
{
	static const struct {
		const char *name;
		int bit;
	} names[] = {{"job.completed", CALLBACK_COMPLETED}, {"job.failed", CALLBACK_FAILED},
		{"job.cancelled", CALLBACK_CANCELLED}, {"job.expired", CALLBACK_EXPIRED}};
	int bits = 0;

	for (size_t i = 0; i < json_array_size(events); i++) {
		const char *text = json_string_value(json_array_get(events, i));
		int bit = 0;

		for (size_t k = 0; text && k < sizeof names / sizeof *names; k++)
			if (strcmp(names[k].name, text) == 0)
				bit = names[k].bit;
		if (!bit)
			problems_add(p, "/callback/events", "must be names of terminal events");
		bits |= bit;
	}
	return events ? bits : CALLBACK_ALL;
}

enum err job_callback_read(struct job_spec *spec, const struct job_scene *scene,
	const json_t *callback, struct problems *p)
{
	static const struct json_field fields[] = {
		{"url", JSON_IS_STRING, JSON_OPTIONAL, 1, URL_MAX},
		{"endpoint", JSON_IS_STRING, JSON_OPTIONAL, 1, 64},
		{"events", JSON_IS_ARRAY, JSON_OPTIONAL, 1, 4},
		{NULL, 0, JSON_OPTIONAL, 0, 0},
	};
	const char *url = json_string_value(json_object_get(callback, "url"));
	json_t *kept;
	enum err e;

	if (!callback || !json_check(callback, "/callback", fields, p))
		return ERR_OK;
	if (json_object_get(callback, "endpoint")) {
		problems_add(
			p, "/callback/endpoint", "this release has no endpoints yet: give a url");
		return ERR_OK;
	}
	if (!url) {
		problems_add(p, "/callback/url", "is missing");
		return ERR_OK;
	}
	origin_check(scene, url, p);
	spec->submit.callback_events = events_read(json_object_get(callback, "events"), p);
	kept = json_pack("{s:s}", "url", url);
	e = kept ? job_value_add_json(spec, SEALED_CALLBACK, kept) : ERR_NOMEM;
	json_decref(kept);
	return e;
}
