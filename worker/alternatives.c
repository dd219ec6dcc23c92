#include "alternatives.h"

#include "job.h"
#include "worker.h"

enum { FALLBACK_DEPTH = 8 };

static void model_add(struct alternatives *a, struct upstreams *u, const char *model)
{
	struct candidate candidates[CANDIDATES_MAX];
	const size_t n = upstreams_candidates(u, model, candidates, CANDIDATES_MAX);

	for (size_t i = 0; i < n && a->n < ALTERNATIVES_MAX; i++)
		a->list[a->n++] = (struct alternative){model, candidates[i]};
}

static void fallback_add(struct alternatives *a, struct upstreams *u)
{
	size_t i;
	const json_t *step;

	json_array_foreach(a->fallback, i, step)
	{
		const char *model = json_string_value(json_object_get(step, "model"));

		if (json_is_true(json_object_get(step, "wait")))
			return;
		if (model)
			model_add(a, u, model);
	}
}

enum err alternatives_gather(const struct job *job, struct alternatives *ret)
{
	struct problems problems = {.n = 0};
	enum err e = ERR_OK;

	ret->fallback = NULL;
	ret->n = 0;
	model_add(ret, job->worker->upstreams, job->told_model ? job->told_model : job->model);
	if (job->fallback.len && !job->told_model)
		e = json_read(job->fallback.bytes, job->fallback.len, FALLBACK_DEPTH, &problems,
			&ret->fallback);
	if (e)
		return e;
	fallback_add(ret, job->worker->upstreams);
	return ret->n ? ERR_OK : ERR_NO_UPSTREAM;
}

void alternatives_clear(struct alternatives *a)
{
	json_decref(a->fallback);
	a->fallback = NULL;
}
