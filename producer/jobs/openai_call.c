#include "jobs/openai_call.h"

#include "config/serving.h"
#include "http/request.h"
#include "producer.h"

#include <stdio.h>
#include <string.h>

enum { SENTENCE_MAX = 256, SERVED_MAX = 1 << 16 };

#define AS_A_JOB(kind) "submit a job: POST /v1/jobs takes the body as the input of kind " kind

#define KEPT_BY_YOU "nothing is kept between calls: send all of it with each job, POST /v1/jobs"

/* What does the same today. */
static const struct {
	const char *path, *instead;
} paths[] = {
	{"/v1/chat/completions", AS_A_JOB("chat")},
	{"/v1/completions",
		"submit a job: POST /v1/jobs, with the prompt as a message in the input of kind chat"},
	{"/v1/responses", AS_A_JOB("response")},
	{"/v1/embeddings", AS_A_JOB("embedding")},
	{"/v1/models", "submit a job, or ask for a model by its name: GET /v1/models/{name}"},
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

/* What does the same as what lies below a prefix. */
static const struct {
	const char *prefix, *instead;
} prefixes[] = {
	{"/v1/batches", "hand in many jobs at once: POST /v1/jobs/bulk"},
	{"/v1/chat", AS_A_JOB("chat")},
	{"/v1/conversations", KEPT_BY_YOU},
	{"/v1/assistants", KEPT_BY_YOU},
	{"/v1/threads", KEPT_BY_YOU},
	{"/v1/files", "what a job needs goes with it, as its input: POST /v1/jobs"},
	{"/v1/uploads", "what a job needs goes with it, as its input: POST /v1/jobs"},
	{"/v1/models", "ask for a model by its name: GET /v1/models/{name}"},
	{"/v1/responses",
		"an answer is its job's: GET /v1/jobs/{id}, POST /v1/jobs/{id}/cancel, DELETE "
		"/v1/jobs/{id}"},
};

void openai_below_call(struct request *r)
{
	const char *prefix = r->match.route->pattern;
	const char *instead = "there is nothing in its place";
	char sentence[SENTENCE_MAX];

	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (strcmp(prefixes[i].prefix, prefix) == 0)
			instead = prefixes[i].instead;
	(void)snprintf(
		sentence, sizeof sentence, "this call of %s is not served; %s", prefix, instead);
	request_fail_detail(r, ERR_NOT_FOUND, sentence);
}

/* When it came to be, nobody here knows; their SDKs want a number. */
static void model_write(struct buf *out, const char *name)
{
	(void)buf_text(out, "{\"id\":");
	(void)buf_json(out, name, strlen(name));
	(void)buf_text(out, ",\"object\":\"model\",\"created\":0,\"owned_by\":\"longhaul\"}");
}

static void model_refuse(struct request *r, const struct config *config)
{
	struct problems p = {0};
	struct buf served;

	buf_init(&served, SERVED_MAX);
	if (config_served(config, NULL, &served) == ERR_OK)
		problems_add(&p, "model", "nobody serves a model of this name; served are %.*s",
			(int)served.len, served.bytes);
	request_fail_with(r, ERR_UNKNOWN_MODEL, &p);
	buf_clear(&served);
}

void openai_model_get(struct request *r)
{
	const struct config *config = r->producer->config;
	const char *name = r->match.params[0];

	if (config_serves(config, name))
		model_write(reply_json(&r->reply, 200), name);
	else
		model_refuse(r, config);
}
