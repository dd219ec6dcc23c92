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

/* Says it of those of the problems that are about one of the pointers. */
static void retell(struct problems *p, const char *const *pointers, size_t n, const char *detail)
{
	for (size_t i = 0; i < p->n; i++)
		for (size_t k = 0; k < n; k++)
			if (strcmp(p->list[i].pointer, pointers[k]) == 0)
				(void)snprintf(
					p->list[i].detail, sizeof p->list[i].detail, "%s", detail);
}

void job_hint_misplaced(struct problems *p)
{
	static const char *const members[] = {"/model", "/messages", "/prompt", "/max_tokens",
		"/temperature", "/stream", "/tools", "/instructions", "/system"};

	retell(p, members, sizeof members / sizeof *members,
		"is no field of a job: it belongs into /input");
}

void job_hint_search(struct problems *p)
{
	static const char *const names[] = {"?metadata", "?subject"};

	retell(p, names, sizeof names / sizeof *names,
		"is not written into an address, which logs keep: POST /v1/jobs/search takes it");
}
