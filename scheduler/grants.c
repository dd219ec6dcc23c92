#include "grants.h"

#include "dispatch.h"
#include "share.h"

#include <stdlib.h>

enum { ROWS_MAX = 4096, WORKERS_MAX = 256, GRANTS_MAX = 4096 };

struct grants {
	size_t turn; /* whose rest is given first: another one each time */
	struct dispatch_share rows[ROWS_MAX];
	size_t rows_n;
	/* one queue's shares, by worker */
	struct id workers[WORKERS_MAX];
	struct share shares[WORKERS_MAX];
	int32_t told[WORKERS_MAX]; /* what stands in the record; -1 = nothing */
	size_t workers_n;
	/* all queues' grants */
	struct dispatch_grant grants[GRANTS_MAX];
	size_t grants_n;
	bool changed;
};

enum err grants_new(struct grants **ret_grants)
{
	struct grants *grants = calloc(1, sizeof *grants);

	if (!grants)
		return ERR_NOMEM;
	*ret_grants = grants;
	return ERR_OK;
}

void grants_free(struct grants *grants)
{
	free(grants);
}

struct shares_ask {
	struct ask ask;
	struct grants *grants;
};

static void on_shares(void *ctx, enum err e, const struct dispatch_share *shares, size_t n)
{
	struct shares_ask *ask = ctx;
	struct grants *g = ask->grants;

	ask->ask.err = e;
	g->rows_n = n < ROWS_MAX ? n : ROWS_MAX;
	for (size_t i = 0; e == ERR_OK && i < g->rows_n; i++)
		g->rows[i] = shares[i];
}

/* The worker's place among this queue's shares; WORKERS_MAX when there is no room for it. */
static size_t worker_place(struct grants *g, const struct dispatch_share *row)
{
	size_t w = 0;

	while (w < g->workers_n && !id_equal(g->workers[w], row->worker))
		w++;
	if (w < g->workers_n || w == WORKERS_MAX)
		return w;
	g->workers[w] = row->worker;
	g->told[w] = -1;
	g->shares[w] = (struct share){.slots_free = row->slots_free};
	g->workers_n++;
	return w;
}

static void queue_gather(struct grants *g, int32_t queue_id)
{
	g->workers_n = 0;
	for (size_t i = 0; i < g->rows_n; i++) {
		size_t w = worker_place(g, &g->rows[i]);

		if (w == WORKERS_MAX || g->rows[i].queue_id != queue_id)
			continue;
		g->shares[w].held = g->rows[i].held;
		g->told[w] = g->rows[i].granted;
	}
}

static void queue_grant(struct grants *g, int32_t queue_id, int32_t cap)
{
	queue_gather(g, queue_id);
	share_plan(g->shares, g->workers_n, cap, g->turn);
	for (size_t w = 0; w < g->workers_n && g->grants_n < GRANTS_MAX; w++) {
		g->changed = g->changed || g->told[w] != g->shares[w].granted;
		g->grants[g->grants_n++] = (struct dispatch_grant){
			.worker = g->workers[w],
			.queue_id = queue_id,
			.slots = g->shares[w].granted,
		};
	}
}

static enum err grants_write(struct leader *leader)
{
	struct grants *g = leader->grants;
	struct ask ask = {0};

	return leader_wait(leader,
		dispatch_grants(leader->db, leader->term, g->grants, g->grants_n, ask_work, &ask),
		&ask);
}

static enum err block_tenants(struct leader *leader)
{
	struct ask ask = {0};

	return leader_wait(leader, dispatch_block(leader->db, leader->term, ask_work, &ask), &ask);
}

enum err grants_run(struct leader *leader, bool *ret_busy)
{
	struct grants *g = leader->grants;
	struct board *board = dispatch_board(leader->dispatch);
	struct shares_ask ask = {.grants = g};
	enum err err;

	err = block_tenants(leader);
	*ret_busy = board->lively;
	if (err != ERR_OK || !board->caps)
		return err;
	err = leader_wait(leader, dispatch_shares(leader->db, on_shares, &ask), &ask.ask);
	if (err != ERR_OK)
		return err;
	g->turn++;
	g->grants_n = 0;
	g->changed = false;
	for (size_t i = 0; i < board->n; i++)
		if (board->windows[i].cap > 0)
			queue_grant(g, board->queues[i].id, board->windows[i].cap);
	return g->changed ? grants_write(leader) : ERR_OK;
}
