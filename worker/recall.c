#include "recall.h"

#include "ground/log.h"
#include "stores/parked.h"
#include "upstreams/permit_spare.h"
#include "worker.h"

#include <stdlib.h>

enum { LINES_MAX = 64, BETWEEN_MS = 200 };

struct recall {
	struct worker *worker;
	bool asking;
	int64_t next_ms;
};

static void on_woken(void *ctx, enum err e, const struct parked_line *lines, size_t n)
{
	struct recall *recall = ctx;
	size_t jobs = 0;

	recall->asking = false;
	for (size_t i = 0; i < n; i++)
		jobs += lines[i].n;
	if (e)
		log_warn("parked jobs were not called", LOG_ERR(e));
	else if (jobs)
		log_debug("parked jobs were called", LOG_INT("jobs", (int64_t)jobs),
			LOG_INT("lines", (int64_t)n));
}

/* Who may claim nothing has no leave to spare. */
void recall_turn(struct recall *recall)
{
	struct worker *w = recall->worker;
	const int64_t now = loop_now_ms(w->loop);
	struct parked_line lines[LINES_MAX];
	size_t n;

	if (recall->asking || now < recall->next_ms || !worker_free_slots(w))
		return;
	n = permits_spare(w->permits, lines, LINES_MAX);
	recall->next_ms = now + BETWEEN_MS;
	if (!n)
		return;
	recall->asking = true;
	if (parked_wake(worker_db_claim(w), lines, n, on_woken, recall) != ERR_OK)
		recall->asking = false;
}

enum err recall_new(struct worker *worker, struct recall **ret_recall)
{
	struct recall *recall = calloc(1, sizeof(*recall));

	if (!recall)
		return ERR_NOMEM;
	recall->worker = worker;
	*ret_recall = recall;
	return ERR_OK;
}

void recall_free(struct recall *recall)
{
	free(recall);
}
