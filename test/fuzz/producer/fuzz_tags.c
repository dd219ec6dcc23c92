/* What a reader sends back to us: Idempotency-Key, Last-Event-ID, If-None-Match, ?expand=, ?after=.
 */
#include "config/config.h"
#include "jobs/events_call.h"
#include "jobs/expand.h"
#include "jobs/job_json.h"
#include "jobs/job_spec.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_key(const char *text)
{
	struct config config = {.limits = {.idempotency_ttl_s = 60}};
	struct tenant_facts facts = {.match_key = {1}};
	struct caller caller = {.facts = &facts};
	const struct job_scene scene = {.config = &config, .caller = &caller};
	struct job_spec spec = {0};
	size_t n = strlen(text);
	bool taken = job_spec_key(&spec, &scene, text, "{}", 2) == ERR_OK;

	if (taken != spec.submit.has_key || (taken && (n == 0 || n > IDEMPOTENCY_KEY_MAX)))
		abort();
	for (size_t i = 0; taken && i < n; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			abort();
}

static void check_number(const char *text)
{
	int64_t after = -7;
	bool taken = events_after_read(text, &after);

	if (taken != (after != -7) || (taken && after < 0))
		abort();
}

static void check_names(const char *text)
{
	struct problems p = {0};
	unsigned bits = 0;
	struct id job;
	char again[ID_TEXT_MAX];

	if (expand_read(text, &bits, &p) == (p.total > 0))
		abort();
	if (id_parse("job", text, &job)) {
		id_format("job", job, again);
		if (strcmp(again, text) != 0)
			abort();
	}
	(void)job_etag_matches(text, "\"1-2\"");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *text = malloc(len + 1);

	if (text == NULL)
		return 0;
	if (len > 0)
		memcpy(text, bytes, len);
	text[len] = '\0';
	check_key(text);
	check_number(text);
	check_names(text);
	free(text);
	return 0;
}
