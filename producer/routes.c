/* routes.c - the API, one row per call; and all that the producer asks of the record. */
#include "access/keys.h"
#include "health.h"
#include "jobs/change_call.h"
#include "jobs/change_many_call.h"
#include "jobs/expand.h"
#include "jobs/list_call.h"
#include "jobs/live.h"
#include "jobs/read_call.h"
#include "jobs/submit_call.h"
#include "producer.h"
#include "publish.h"
#include "queues.h"

/* clang-format off */
const struct route producer_routes[] = {
	{"POST",   "/v1/jobs",             ROUTE_PUBLIC, ROUTE_TENANT,   ROUTE_JSON,    submit_call},
	{"GET",    "/v1/jobs",             ROUTE_PUBLIC, ROUTE_TENANT,   ROUTE_NO_BODY, list_call},
	{"POST",   "/v1/jobs/search",      ROUTE_PUBLIC, ROUTE_TENANT,   ROUTE_JSON,    search_call},
	{"POST",   "/v1/jobs/cancel",      ROUTE_PUBLIC, ROUTE_TENANT,   ROUTE_JSON,    cancel_many_call},
	{"POST",   "/v1/jobs/retry",       ROUTE_PUBLIC, ROUTE_TENANT,   ROUTE_JSON,    retry_many_call},
	{"GET",    "/v1/jobs/{id}",        ROUTE_PUBLIC, ROUTE_TENANT,   ROUTE_NO_BODY, read_call},
	{"PATCH",  "/v1/jobs/{id}",        ROUTE_PUBLIC, ROUTE_TENANT,   ROUTE_JSON,    patch_call},
	{"DELETE", "/v1/jobs/{id}",        ROUTE_PUBLIC, ROUTE_TENANT,   ROUTE_NO_BODY, delete_call},
	{"POST",   "/v1/jobs/{id}/cancel", ROUTE_PUBLIC, ROUTE_TENANT,   ROUTE_NO_BODY, cancel_call},
	{"POST",   "/v1/jobs/{id}/retry",  ROUTE_PUBLIC, ROUTE_TENANT,   ROUTE_NO_BODY, retry_call},
	{"GET",    "/healthz",             ROUTE_BOTH,   ROUTE_OPEN,     ROUTE_NO_BODY, health_live},
	{"GET",    "/readyz",              ROUTE_BOTH,   ROUTE_OPEN,     ROUTE_NO_BODY, health_ready},
	{0},
};
/* clang-format on */

const struct record_op *const producer_ops[] = {
	&submit_op,
	&read_tag_op,
	&read_op,
	&keys_find_op,
	&keys_tenant_op,
	&list_op,
	&cancel_op,
	&retry_op,
	&patch_op,
	&delete_op,
	&count_op,
	&pick_op,
	&cancel_many_op,
	&retry_many_op,
	&queues_op,
	&live_peek_op,
	&expand_attempts_op,
	&expand_events_op,
	&expand_deliveries_op,
	&expand_forget_op,
	&keys_touch_op,
	&publish_sent_op,
	NULL,
};
