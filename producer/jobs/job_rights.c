#include "jobs/job_rights.h"

#include "access/authorise.h"
#include "jobs/job_cost.h"

#include <string.h>

/* Of this model: the job's, or one that may answer in its place. */
static bool may_ask_of(const struct job_spec *spec, const struct job_scene *scene,
	struct rule_facts facts, const char *model)
{
	if (authorise_always(scene->caller, PERMISSION_JOB_SUBMIT))
		return true;
	facts.words[RULE_MODEL] = model;
	facts.cost_nano = job_cost_nano(scene->config, model, spec->tokens);
	return authorise_may(scene->config, scene->caller, PERMISSION_JOB_SUBMIT, &facts);
}

static bool may_fall_back(
	const struct job_spec *spec, const struct job_scene *scene, struct rule_facts facts)
{
	const json_t *list = json_object_get(spec->body, "fallback");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *model =
			json_string_value(json_object_get(json_array_get(list, i), "model"));

		if (model && !may_ask_of(spec, scene, facts, model))
			return false;
	}
	return true;
}

bool job_rights_allow(const struct job_spec *spec, const struct job_scene *scene)
{
	const struct config *config = scene->config;
	const struct caller *caller = scene->caller;
	const char *subject = json_string_value(json_object_get(spec->body, "subject"));
	const json_t *callback = json_object_get(spec->body, "callback");
	const struct rule_facts facts =
		authorise_facts_own(spec->queue, spec->model, spec->submit.priority);

	if (!may_ask_of(spec, scene, facts, spec->model) || !may_fall_back(spec, scene, facts))
		return false;
	if (callback && !json_is_null(callback) &&
		!authorise_may(config, caller, PERMISSION_CALLBACK_USE, &facts))
		return false;
	return !subject || strcmp(subject, spec->subject) == 0 ||
	       authorise_may(config, caller, PERMISSION_SUBJECT_ANY, &facts);
}
