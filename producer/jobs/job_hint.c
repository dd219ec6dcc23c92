#include "jobs/job_hint.h"

#include "domain/kind.h"

#include <stdio.h>
#include <string.h>

void job_hint_kinds(struct problems *p)
{
	char names[PROBLEM_DETAIL_MAX] = "";
	const struct kind *kind;
	size_t len = 0;

	for (size_t i = 0; (kind = kind_at(i)) && len < sizeof names; i++)
		if (kind_submittable(kind->name))
			len += (size_t)snprintf(names + len, sizeof names - len, "%s%s",
				len ? ", " : "", kind->name);
	problems_add(p, "/kind", "no kind of job has this name: there are %s", names);
}

void job_hint_misplaced(struct problems *p)
{
	static const char *const members[] = {"/model", "/messages", "/prompt", "/max_tokens",
		"/temperature", "/stream", "/tools", "/instructions", "/system"};

	for (size_t i = 0; i < p->n; i++)
		for (size_t k = 0; k < sizeof members / sizeof *members; k++)
			if (strcmp(p->list[i].pointer, members[k]) == 0)
				(void)snprintf(p->list[i].detail, sizeof p->list[i].detail,
					"is no field of a job: it belongs into /input");
}
