#include "grants.h"

#include "dispatch.h"
#include "ground/log.h"
#include "share.h"

#include <stdlib.h>

enum {
	ROWS_MAX = 65536,
	TURN_RUNS = 4 /* one run takes a small rest back, one gives it to the next; two to use it */
};

struct grants {
	size_t runs;
	struct dispatch_share *rows; /* each capped queue's, by worker */
	struct share *shares;	     /* one queue's */
	struct dispatch_grant *grants;
	size_t rows_n, rows_room, grants_n;
	size_t capped_n; /* queues with a cap, when grants were last written */
	bool changed, beyond;
};

enum err grants_new(struct grants **ret_grants)
{
	struct grants *grants = calloc(1, sizeof *grants);

	if (!grants)
		return ERR_NOMEM;
	grants->capped_n = SIZE_MAX; /* what a leader before us left there is not known */
	*ret_grants = grants;
	return ERR_OK;
}

static void lists_free(struct grants *g)
{
	free(g->rows);
	free(g->shares);
	free(g->grants);
	g->rows = NULL;
	g->shares = NULL;
	g->grants = NULL;
	g->rows_n = g->rows_room = 0;
}

void grants_free(struct grants *grants)
{
	if (!grants)
		return;
	lists_free(grants);
	free(grants);
}

struct shares_ask {
	struct ask ask;
	struct grants *grants;
};

/* Room for n rows and what comes of them. ERR_TOO_LARGE, ERR_NOMEM: nothing is granted anew. */
static enum err rows_reserve(struct grants *g, size_t n)
{
	if (n > ROWS_MAX)
		return ERR_TOO_LARGE;
	if (n <= g->rows_room)
		return ERR_OK;
	lists_free(g);
	g->rows = calloc(n, sizeof *g->rows);
	g->shares = calloc(n, sizeof *g->shares);
	g->grants = calloc(n, sizeof *g->grants);
	if (!g->rows || !g->shares || !g->grants) {
		lists_free(g);
		return ERR_NOMEM;
	}
	g->rows_room = n;
	return ERR_OK;
}

static void on_shares(void *ctx, enum err e, const struct dispatch_share *shares, size_t n)
{
	struct shares_ask *ask = ctx;
	struct grants *g = ask->grants;

	g->rows_n = 0;
	if (e == ERR_OK)
		e = rows_reserve(g, n);
	for (; e == ERR_OK && g->rows_n < n; g->rows_n++)
		g->rows[g->rows_n] = shares[g->rows_n];
	ask->ask.err = e;
}

/* Where the queue's rows begin, and how many they are; 0: its cap is newer than the rows. */
static const struct dispatch_share *queue_rows(
	const struct grants *g, int32_t queue_id, size_t *ret_n)
{
	size_t at = 0, n = 0;

	while (at < g->rows_n && g->rows[at].queue_id != queue_id)
		at++;
	while (at + n < g->rows_n && g->rows[at + n].queue_id == queue_id)
		n++;
	*ret_n = n;
	return n ? &g->rows[at] : NULL;
}

static void queue_grant(struct grants *g, int32_t queue_id, int32_t cap)
{
	size_t n;
	const struct dispatch_share *rows = queue_rows(g, queue_id, &n);

	for (size_t w = 0; w < n; w++)
		g->shares[w] = (struct share){
			.slots_free = rows[w].slots_free,
			.held = rows[w].held,
			.told = rows[w].granted,
		};
	share_plan(g->shares, n, cap, g->runs / TURN_RUNS);
	for (size_t w = 0; w < n; w++) {
		g->changed = g->changed || rows[w].granted != g->shares[w].granted;
		g->grants[g->grants_n++] = (struct dispatch_grant){
			.worker = rows[w].worker,
			.queue_id = queue_id,
			.slots = g->shares[w].granted,
		};
	}
}

/* Too many to be known at once: what stands in the record goes on to hold. */
static enum err shares_read(struct leader *leader)
{
	struct grants *g = leader->grants;
	struct shares_ask ask = {.grants = g};
	enum err err = leader_wait(leader, dispatch_shares(leader->db, on_shares, &ask), &ask.ask);

	if (err == ERR_TOO_LARGE && !g->beyond)
		log_warn("too many pairs of a worker and a capped queue: grants stay as they are",
			LOG_INT("most", ROWS_MAX));
	g->beyond = err == ERR_TOO_LARGE;
	return g->beyond ? ERR_OK : err;
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

/* What each worker is to be told of every capped queue; returns how many queues these are. */
static size_t grants_plan(struct grants *g, const struct board *board)
{
	size_t capped_n = 0;

	g->runs++;
	g->grants_n = 0;
	g->changed = false;
	for (size_t i = 0; i < board->n; i++)
		if (board->windows[i].cap > 0) {
			queue_grant(g, board->queues[i].id, board->windows[i].cap);
			capped_n++;
		}
	return capped_n;
}

enum err grants_run(struct leader *leader, bool *ret_busy)
{
	struct grants *g = leader->grants;
	struct board *board = dispatch_board(leader->dispatch);
	size_t capped_n;
	enum err err;

	err = block_tenants(leader);
	*ret_busy = board->lively;
	if (err == ERR_OK && board->caps)
		err = shares_read(leader);
	if (err != ERR_OK || !board->queues)
		return err;
	capped_n = grants_plan(g, board);
	/* what is left of a cap that was taken away would pass the queue's next one */
	if (g->changed || capped_n != g->capped_n)
		err = grants_write(leader);
	if (err == ERR_OK)
		g->capped_n = capped_n;
	return err;
}
