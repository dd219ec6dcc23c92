/* Any body names jobs of the caller, or is refused with a reason. */
#include "jobs/filter.h"
#include "producer.h"
#include "queues.h"

#include <stdlib.h>

/* The caller may do all there is. */
static struct rights everything = {.holders = 1, .always = ~(permission_set)0};
static const struct route listing = {.access = ROUTE_TENANT, .permission = PERMISSION_JOB_READ};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Never started, so that no view is there: a queue's name is then ERR_UNAVAILABLE. */
static struct queues *queues_once(struct producer *producer)
{
	static struct queues *queues;

	if (queues == NULL && queues_new(producer, &queues) != ERR_OK)
		abort();
	return queues;
}

static void read_as(struct request *r, enum filter_form form, const json_t *body)
{
	struct problems problems = {.n = 0};
	struct filter filter;
	enum err e = filter_read(&filter, r, form, body, &problems);

	if (e == ERR_OK && (problems.total > 0 || filter.job.hashes_n > FILTER_HASHES_MAX ||
				   filter.limit > 100 || filter.job.states < 0 ||
				   !id_equal(filter.job.tenant, r->caller.tenant)))
		abort();
	if (e != ERR_OK && e != ERR_UNAVAILABLE && problems.total == 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct tenant_facts facts = {.retention = 2};
	struct config config = {.producer.list_max = 100};
	struct producer producer = {.config = &config};
	struct request r = {.producer = &producer,
		.caller = {.tenant = id_new(0),
			.principal = id_new(0),
			.facts = &facts,
			.rights = &everything},
		.match = {.route = &listing}};
	struct problems problems = {.n = 0};
	json_t *body = NULL;

	producer.queues = queues_once(&producer);
	if (json_read((const char *)bytes, len, 64, &problems, &body) != ERR_OK)
		return 0;
	read_as(&r, FILTER_SEARCH, body);
	read_as(&r, FILTER_CHANGE, body);
	json_decref(body);
	return 0;
}
