#include "jobs/job_rights.h"

#include "access/authorise.h"
#include "domain/money.h"
#include "jobs/job_cost.h"

#include <stdio.h>
#include <string.h>

enum { POINTER_MAX = 40 };

/* Every problem is of one permission: the first that lacks. */
static bool refuse(
	struct job_spec *spec, enum permission p, const char *pointer, struct problems *problems)
{
	spec->lacks = p;
	problems_add(problems, pointer, "this needs %s", permission_text(p));
	return false;
}

static bool refuse_submit(struct job_spec *spec, const struct rule_facts *facts,
	const char *pointer, struct problems *problems)
{
	const bool bounded = facts->cost_nano != RULE_UNKNOWN;
	char cost[MONEY_TEXT_MAX] = "";

	if (bounded)
		money_format(facts->cost_nano, cost);
	spec->lacks = PERMISSION_JOB_SUBMIT;
	problems_add(problems, pointer,
		"this needs job:submit for this queue and model, priority %lld and a cost %s%s",
		(long long)facts->priority, bounded ? "in USD of " : "that nothing bounds", cost);
	return false;
}

static int64_t cost_of(
	const struct job_spec *spec, const struct job_scene *scene, const char *model)
{
	return job_cost_nano(scene->config, model, spec->tokens);
}

/* Of this model: the job's, or one that may answer in its place. */
static bool may_ask_of(struct job_spec *spec, const struct job_scene *scene, const char *model,
	const char *pointer, struct problems *p)
{
	struct rule_facts facts;

	if (authorise_always(scene->caller, PERMISSION_JOB_SUBMIT))
		return true;
	facts = authorise_facts_own(spec->queue, model, spec->submit.priority);
	facts.cost_nano = cost_of(spec, scene, model);
	return authorise_may(scene->config, scene->caller, PERMISSION_JOB_SUBMIT, &facts) ||
	       refuse_submit(spec, &facts, pointer, p);
}

static bool may_fall_back(struct job_spec *spec, const struct job_scene *scene, struct problems *p)
{
	const json_t *list = json_object_get(spec->body, "fallback");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *model =
			json_string_value(json_object_get(json_array_get(list, i), "model"));
		char pointer[POINTER_MAX];

		(void)snprintf(pointer, sizeof pointer, "/fallback/%zu/model", i);
		if (model && !may_ask_of(spec, scene, model, pointer, p))
			return false;
	}
	return true;
}

/* What a job has besides: of its own model, with what that costs. */
static bool may_have(struct job_spec *spec, const struct job_scene *scene, enum permission p,
	const char *pointer, struct problems *problems)
{
	struct rule_facts facts;

	if (authorise_always(scene->caller, p))
		return true;
	facts = authorise_facts_own(spec->queue, spec->model, spec->submit.priority);
	facts.cost_nano = cost_of(spec, scene, spec->model);
	return authorise_may(scene->config, scene->caller, p, &facts) ||
	       refuse(spec, p, pointer, problems);
}

bool job_rights_allow(struct job_spec *spec, const struct job_scene *scene, struct problems *p)
{
	const char *subject = json_string_value(json_object_get(spec->body, "subject"));
	const json_t *callback = json_object_get(spec->body, "callback");

	if (!may_ask_of(spec, scene, spec->model, "", p) || !may_fall_back(spec, scene, p))
		return false;
	if (callback && !json_is_null(callback) &&
		!may_have(spec, scene, PERMISSION_CALLBACK_USE, "/callback", p))
		return false;
	return !subject || strcmp(subject, spec->subject) == 0 ||
	       may_have(spec, scene, PERMISSION_SUBJECT_ANY, "/subject", p);
}
