#include "upstreams/reach.h"

#include "ground/log.h"
#include "ground/ring.h"

#include <stdio.h>
#include <stdlib.h>

enum { PLACE_MAX = 4200, REPLY_MAX = 1 << 20 };

struct reach {
	struct http *http;
	const struct upstreams *upstreams;
	const char *path;
	struct ring probes;
};

struct probe {
	struct ring link;
	struct reach *reach;
	struct http_call *call;
	char name[128];
	struct config_place place;
};

static void probe_free(struct probe *probe)
{
	ring_leave(&probe->link);
	free(probe);
}

static void on_end(void *owner, const struct http_end *end)
{
	struct probe *probe = owner;
	char place[PLACE_MAX];

	if (end->err == ERR_UP_DNS || end->err == ERR_UP_CONNECT || end->err == ERR_UP_TLS) {
		snprintf(place, sizeof(place), "%s:%u:%u", probe->reach->path, probe->place.line,
			probe->place.column);
		log_warn("an upstream cannot be reached", LOG_TEXT("at", place),
			LOG_TEXT("upstream", probe->name), LOG_TEXT("why", end->why),
			LOG_ERR(end->err));
	}
	probe_free(probe);
}

static void probe_start(struct reach *reach, const struct config_upstream *row)
{
	static const struct http_events events = {.end = on_end};
	const struct http_request request = {
		.method = "GET",
		.url = row->base_url,
		.connect_ms = row->connect_timeout_ms,
		.first_byte_ms = row->connect_timeout_ms,
		.total_ms = 2 * row->connect_timeout_ms,
		.reply_max = REPLY_MAX,
	};
	struct probe *probe = calloc(1, sizeof(*probe));

	if (!probe)
		return;
	probe->reach = reach;
	probe->place = row->place;
	snprintf(probe->name, sizeof(probe->name), "%s", row->name);
	ring_join(&reach->probes, &probe->link);
	if (http_start(reach->http, &request, &events, probe, &probe->call) != ERR_OK)
		probe_free(probe);
}

void reach_ask(struct reach *reach)
{
	for (size_t i = 0; i < reach->upstreams->n; i++)
		probe_start(reach, reach->upstreams->list[i]->config);
}

enum err reach_new(struct http *http, const struct upstreams *upstreams, const char *path,
	struct reach **ret_reach)
{
	struct reach *reach = calloc(1, sizeof(*reach));

	if (!reach)
		return ERR_NOMEM;
	reach->http = http;
	reach->upstreams = upstreams;
	reach->path = path;
	ring_init(&reach->probes);
	*ret_reach = reach;
	return ERR_OK;
}

void reach_free(struct reach *reach)
{
	if (!reach)
		return;
	while (!ring_empty(&reach->probes)) {
		struct probe *probe = RING_OF(reach->probes.next, struct probe, link);

		http_cancel(probe->call);
		probe_free(probe);
	}
	free(reach);
}
