#include "served.h"

#include "counts.h"
#include "ground/log.h"
#include "ports/stream/consumer.h"
#include "stores/queue.h"
#include "worker.h"

#include <stdlib.h>
#include <string.h>

enum { QUEUES_MAX = 1000, AGAIN_MS = 500, FIRST_MS = 200 };

struct served {
	struct worker *worker;
	struct stream_consumer *consumer;
	struct loop_timer *timer;
	bool asked;
	int32_t ids[QUEUES_MAX];
	size_t n; /* 0: the list has not come yet */
};

bool served_is_known(const struct served *served)
{
	return served->n > 0;
}

const int32_t *served_ids(const struct served *served, size_t *ret_n)
{
	*ret_n = served->n;
	return served->ids;
}

static bool serves(const struct served *served, const char *queue)
{
	const struct config_texts *names = &served->worker->config->worker.queues;

	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->items[i], "*") == 0 || strcmp(names->items[i], queue) == 0)
			return true;
	return false;
}

static void on_queues(void *ctx, enum err e, const struct queue *queues, size_t n)
{
	struct served *served = ctx;
	const struct queue *mine[QUEUES_MAX];
	const char *names[QUEUES_MAX];
	size_t open = 0;

	served->asked = false;
	if (e)
		return;
	served->n = 0;
	for (size_t i = 0; i < n && served->n < QUEUES_MAX; i++) {
		if (!serves(served, queues[i].name))
			continue;
		if (!queues[i].paused)
			mine[open++] = &queues[i];
		names[served->n] = queues[i].name;
		served->ids[served->n++] = queues[i].id;
	}
	counts_name_queues(served->worker->counts, queues, n);
	pools_serve(&served->worker->jobs.pools, mine, open);
	if (served->consumer &&
		stream_consumer_subscribe(served->consumer, names, served->n) != ERR_OK)
		log_warn("cannot subscribe to the queues' topics");
}

static void on_timer(void *owner)
{
	struct served *served = owner;

	if (!served->asked)
		served->asked =
			queue_list(worker_db_claim(served->worker), on_queues, served) == ERR_OK;
	loop_timer_start(served->timer, served->n ? AGAIN_MS : FIRST_MS);
}

enum err served_new(struct worker *w, struct stream_consumer *consumer, struct served **ret_served)
{
	struct served *served = calloc(1, sizeof(*served));
	enum err e;

	if (!served)
		return ERR_NOMEM;
	served->worker = w;
	served->consumer = consumer;
	e = loop_timer_new(w->loop, on_timer, served, &served->timer);
	if (e) {
		free(served);
		return e;
	}
	loop_timer_start(served->timer, 1);
	*ret_served = served;
	return ERR_OK;
}

void served_free(struct served *served)
{
	if (!served)
		return;
	loop_timer_free(served->timer);
	free(served);
}
