/* Any body is a job or a refusal that says why; what is taken is sealed and within the body's size.
 */
#include "jobs/job_spec.h"

#include <stdlib.h>
#include <string.h>

/* The caller may do all there is. */
static struct rights everything = {.holders = 1, .always = ~(permission_set)0};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static struct config *config_once(void)
{
	static const char text[] = "database: {url: dbname=x}\nwebhook: {allow_http: true}\n";
	static struct config *config;
	struct buf faults;

	buf_init(&faults, 1000);
	if (config == NULL && config_parse("f", text, sizeof(text) - 1, &faults, &config) != ERR_OK)
		abort();
	buf_clear(&faults);
	return config;
}

static struct queues_view *queues_once(void)
{
	static struct queues_view *queues;

	if (queues == NULL) {
		queues = calloc(1, sizeof(*queues) + sizeof(struct queue_view));
		if (queues == NULL)
			abort();
		queues->n = 1;
		strcpy(queues->list[0].name_text, "default");
	}
	return queues;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static char origin[] = "http://127.0.0.1:*";
	struct tenant_facts facts = {.retention = 2, .origins = {origin}, .origins_n = 1};
	struct caller caller = {.tenant = id_new(0),
		.principal = id_new(0),
		.facts = &facts,
		.rights = &everything};
	struct trace trace = trace_new();
	struct job_scene scene = {.config = config_once(),
		.caller = &caller,
		.queues = queues_once(),
		.trace = &trace};
	struct problems problems = {.n = 0};
	struct job_spec spec;
	enum err e = job_spec_read(&spec, &scene, (const char *)bytes, len, &problems);

	if (e == ERR_OK &&
		(problems.total > 0 || spec.submit.input.len > len + 1 + SEALED_OVERHEAD ||
			spec.submit.input.len < 3 || id_is_zero(spec.submit.job)))
		abort();
	if (e != ERR_OK && e != ERR_NOMEM && e != ERR_TOO_LARGE && problems.total == 0)
		abort();
	job_spec_clear(&spec);
	return 0;
}
