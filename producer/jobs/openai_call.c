#include "jobs/openai_call.h"

#include "http/request.h"

#include <stdio.h>
#include <string.h>

enum { SENTENCE_MAX = 256 };

#define AS_A_JOB(kind) "submit a job: POST /v1/jobs takes the body as the input of kind " kind

/* What does the same today. */
static const struct {
	const char *path, *instead;
} paths[] = {
	{"/v1/chat/completions", AS_A_JOB("chat")},
	{"/v1/completions",
		"submit a job: POST /v1/jobs, with the prompt as a message in the input of kind chat"},
	{"/v1/responses", AS_A_JOB("response")},
	{"/v1/embeddings", AS_A_JOB("embedding")},
	{"/v1/models", "submit a job: one whose model nobody serves is told which are served"},
};

static const char *instead_of(const char *path)
{
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		if (strcmp(paths[i].path, path) == 0)
			return paths[i].instead;
	return "submit a job: POST /v1/jobs";
}

void openai_call(struct request *r)
{
	const struct route *route = r->match.route;
	char sentence[SENTENCE_MAX];

	(void)snprintf(sentence, sizeof sentence, "%s %s is not served yet; %s", route->method,
		route->pattern, instead_of(route->pattern));
	request_fail_detail(r, ERR_NOT_FOUND, sentence);
}
