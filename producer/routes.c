/* routes.c - the API, one row per call; and all that the producer asks of the record. */
#include "access/key_watch.h"
#include "access/keys.h"
#include "access/reading.h"
#include "admin/metrics.h"
#include "admin/queue_calls.h"
#include "admin/signing_keys.h"
#include "admin/tenant_limits.h"
#include "admin/tenants.h"
#include "admin/upstream_calls.h"
#include "health.h"
#include "jobs/bulk.h"
#include "jobs/change_call.h"
#include "jobs/change_many_call.h"
#include "jobs/events_call.h"
#include "jobs/expand.h"
#include "jobs/list_call.h"
#include "jobs/live.h"
#include "jobs/read_call.h"
#include "jobs/submit_call.h"
#include "jobs/usage_call.h"
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
	{"POST",   "/v1/jobs/bulk",        ROUTE_PUBLIC, ROUTE_TENANT,   ROUTE_BULK,    bulk_call},
	{"GET",    "/v1/jobs/{id}/events", ROUTE_PUBLIC, ROUTE_TENANT,   ROUTE_NO_BODY, events_call},
	{"GET",    "/v1/usage",            ROUTE_PUBLIC, ROUTE_TENANT,   ROUTE_NO_BODY, usage_call},
	{"GET",    "/v1/usage",            ROUTE_ADMIN,  ROUTE_OPERATOR, ROUTE_NO_BODY, usage_all_call},
	{"GET",    "/healthz",             ROUTE_BOTH,   ROUTE_OPEN,     ROUTE_NO_BODY, health_live},
	{"GET",    "/readyz",              ROUTE_BOTH,   ROUTE_OPEN,     ROUTE_NO_BODY, health_ready},
	{"GET",    "/metrics",             ROUTE_ADMIN,  ROUTE_OPERATOR, ROUTE_NO_BODY, metrics_get},
	{"GET",    "/v1/queues",           ROUTE_ADMIN,  ROUTE_OPERATOR, ROUTE_NO_BODY, queues_get},
	{"GET",    "/v1/queues/{name}",    ROUTE_ADMIN,  ROUTE_OPERATOR, ROUTE_NO_BODY, queue_get},
	{"PATCH",  "/v1/queues/{name}",    ROUTE_ADMIN,  ROUTE_OPERATOR, ROUTE_JSON,    queue_patch_call},
	{"POST",   "/v1/queues/{name}/pause",  ROUTE_ADMIN, ROUTE_OPERATOR, ROUTE_NO_BODY, queue_pause},
	{"POST",   "/v1/queues/{name}/resume", ROUTE_ADMIN, ROUTE_OPERATOR, ROUTE_NO_BODY, queue_resume},
	{"POST",   "/v1/queues/{name}/drain",  ROUTE_ADMIN, ROUTE_OPERATOR, ROUTE_NO_BODY, queue_drain},
	{"GET",    "/v1/workers",          ROUTE_ADMIN,  ROUTE_OPERATOR, ROUTE_NO_BODY, workers_get},
	{"POST",   "/v1/workers/{id}/drain", ROUTE_ADMIN, ROUTE_OPERATOR, ROUTE_NO_BODY, worker_drain_call},
	{"GET",    "/v1/upstreams",        ROUTE_ADMIN,  ROUTE_OPERATOR, ROUTE_NO_BODY, upstreams_get},
	{"PUT",    "/v1/upstreams/{name}/models/{model}/breaker", ROUTE_ADMIN, ROUTE_OPERATOR, ROUTE_JSON, breaker_put},
	{"PUT",    "/v1/upstreams/{name}/keys/{label}/breaker", ROUTE_ADMIN, ROUTE_OPERATOR, ROUTE_JSON, key_breaker_put},
	{"POST",   "/v1/tenants",          ROUTE_ADMIN,  ROUTE_OPERATOR, ROUTE_JSON,    tenants_post},
	{"GET",    "/v1/tenants",          ROUTE_ADMIN,  ROUTE_OPERATOR, ROUTE_NO_BODY, tenants_get},
	{"GET",    "/v1/tenants/{name}/callback-origins", ROUTE_ADMIN, ROUTE_OPERATOR, ROUTE_NO_BODY, origins_get},
	{"PUT",    "/v1/tenants/{name}/callback-origins", ROUTE_ADMIN, ROUTE_OPERATOR, ROUTE_JSON, origins_put},
	{"POST",   "/v1/tenants/{name}/webhook-secret", ROUTE_ADMIN, ROUTE_OPERATOR, ROUTE_JSON, webhook_secret_post},
	{"GET",    "/v1/signing-keys",     ROUTE_ADMIN,  ROUTE_OPERATOR, ROUTE_NO_BODY, signing_keys_get},
	{"POST",   "/v1/tenants/{name}/jobs/cancel", ROUTE_ADMIN, ROUTE_OPERATOR, ROUTE_JSON, cancel_many_call},
	{"POST",   "/v1/tenants/{name}/jobs/retry", ROUTE_ADMIN, ROUTE_OPERATOR, ROUTE_JSON, retry_many_call},
	{"GET",    "/v1/tenants/{name}/limits", ROUTE_ADMIN, ROUTE_OPERATOR, ROUTE_NO_BODY, limits_get},
	{"PATCH",  "/v1/tenants/{name}/limits", ROUTE_ADMIN, ROUTE_OPERATOR, ROUTE_JSON, limits_patch},
	{"POST",   "/v1/api-keys",         ROUTE_ADMIN,  ROUTE_OPERATOR, ROUTE_JSON,    api_keys_post},
	{"GET",    "/v1/api-keys",         ROUTE_ADMIN,  ROUTE_OPERATOR, ROUTE_NO_BODY, api_keys_get},
	{"DELETE", "/v1/api-keys/{id}",    ROUTE_ADMIN,  ROUTE_OPERATOR, ROUTE_NO_BODY, api_keys_delete},
	{0},
};
/* clang-format on */

const struct record_op *const producer_ops[] = {
	&submit_op,
	&submit_large_op,
	&read_large_op,
	&read_tag_op,
	&read_op,
	&reading_op,
	&key_watch_op,
	&keys_find_op,
	&keys_tenant_op,
	&list_op,
	&usage_op,
	&cancel_op,
	&retry_op,
	&patch_op,
	&delete_op,
	&whose_op,
	&count_op,
	&pick_op,
	&cancel_many_op,
	&retry_many_op,
	&queues_op,
	&live_peek_op,
	&expand_attempts_op,
	&expand_weigh_op,
	&expand_events_op,
	&expand_deliveries_op,
	&expand_place_op,
	&expand_forget_op,
	&keys_touch_op,
	&metrics_op,
	&events_op,
	&publish_sent_op,
	&tenant_create_op,
	&tenant_list_op,
	&tenant_find_op,
	&tenant_read_op,
	&tenant_change_op,
	&signing_keys_page_op,
	&signing_keys_read_op,
	&webhook_secret_read_op,
	&webhook_secret_change_op,
	&limits_read_op,
	&limits_change_op,
	&api_key_insert_op,
	&api_key_list_op,
	&api_key_revoke_op,
	&queue_list_op,
	&queue_patch_op,
	&worker_list_op,
	&worker_drain_op,
	&breaker_note_op,
	NULL,
};
