#include "connect/reach.h"

#include "ground/ring.h"

#include <stdio.h>
#include <stdlib.h>

enum { REPLY_MAX = 1 << 20 };

struct reach {
	struct http *http;
	reach_fault_fn *tell;
	reach_over_fn *over;
	void *owner;
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
	struct reach *reach = probe->reach;
	const struct reach_fault fault = {probe->name, probe->place, end->err, end->why};

	if (end->err == ERR_UP_DNS || end->err == ERR_UP_CONNECT || end->err == ERR_UP_TLS)
		reach->tell(reach->owner, &fault);
	probe_free(probe);
	if (ring_empty(&reach->probes) && reach->over)
		reach->over(reach->owner);
}

static bool probe_start(struct reach *reach, const struct config_upstream *row)
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
		return false;
	probe->reach = reach;
	probe->place = row->place;
	snprintf(probe->name, sizeof(probe->name), "%s", row->name);
	ring_join(&reach->probes, &probe->link);
	if (http_start(reach->http, &request, &events, probe, &probe->call) == ERR_OK)
		return true;
	probe_free(probe);
	return false;
}

size_t reach_ask(struct reach *reach, const struct config *config)
{
	size_t n = 0;

	for (size_t i = 0; i < config->upstreams_n; i++)
		n += probe_start(reach, &config->upstreams[i]);
	return n;
}

enum err reach_new(struct http *http, reach_fault_fn *tell, reach_over_fn *over, void *owner,
	struct reach **ret_reach)
{
	struct reach *reach = calloc(1, sizeof(*reach));

	if (!reach)
		return ERR_NOMEM;
	reach->http = http;
	reach->tell = tell;
	reach->over = over;
	reach->owner = owner;
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
