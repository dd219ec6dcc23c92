#include "upkeep.h"

#include "config/config.h"
#include "dispatch.h"
#include "ground/log.h"
#include "metrics.h"
#include "stores/dispatch.h"
#include "stores/partition.h"
#include "stores/queue.h"
#include "stores/tidy.h"

#include <string.h>

enum { TIDY_PAGE = 500 };

struct flow_ask {
	struct ask ask;
	struct metrics *metrics;
};

static void on_queues(void *ctx, enum err e, const struct queue *queues, size_t n)
{
	struct flow_ask *flow = ctx;

	flow->ask.err = e;
	if (e == ERR_OK)
		metrics_queues(flow->metrics, queues, n);
}

/* Counts, and reads what was counted for the metrics. */
enum err upkeep_count(struct leader *leader, bool *ret_busy)
{
	struct ask ask = {0};
	struct flow_ask flow = {.metrics = leader->metrics};
	enum err err;

	*ret_busy = dispatch_board(leader->dispatch)->lively;
	err = leader_wait(leader, dispatch_count(leader->db, leader->term, ask_work, &ask), &ask);
	if (err == ERR_OK)
		err = leader_wait(leader, queue_list(leader->db, on_queues, &flow), &flow.ask);
	return err;
}

enum err upkeep_heads(struct leader *leader, bool *ret_busy)
{
	struct ask ask = {0};
	enum err err =
		leader_wait(leader, dispatch_heads(leader->db, leader->term, ask_work, &ask), &ask);

	if (err == ERR_OK)
		leader->tally.heads += ask.n;
	return err;
}

struct keep_ask {
	struct ask ask;
	struct partition_report report;
};

static void on_kept(void *ctx, enum err e, const struct partition_report *report)
{
	struct keep_ask *ask = ctx;

	ask->ask.err = e;
	if (e == ERR_OK)
		ask->report = *report;
}

enum err upkeep_partitions(struct leader *leader, bool *ret_busy)
{
	const struct config *c = leader->config;
	const struct partition_days days = {.ahead = (int)c->scheduler.partition_days_ahead,
		.audit = (int)c->scheduler.audit_days};
	struct keep_ask ask = {0};
	enum err err =
		leader_wait(leader, partition_keep(leader->db, &days, on_kept, &ask), &ask.ask);

	if (err != ERR_OK)
		return err;
	*ret_busy = ask.report.made > 0 || ask.report.dropped > 0;
	leader->tally.partitions += (uint64_t)(ask.report.made + ask.report.dropped);
	if (ask.report.astray)
		log_warn("rows lie outside their day's partition",
			LOG_INT("rows", ask.report.astray));
	return ERR_OK;
}

enum err upkeep_tidy(struct leader *leader, bool *ret_busy)
{
	struct ask ask = {0};
	enum err err = leader_wait(
		leader, tidy_page(leader->db, leader->term, TIDY_PAGE, ask_work, &ask), &ask);

	if (err == ERR_OK)
		*ret_busy = ask.n >= TIDY_PAGE;
	return err;
}

enum err upkeep_report(struct leader *leader, bool *ret_busy)
{
	struct log_field fields[] = {
#define FIELD(name) LOG_INT(#name, (int64_t)(leader->tally.name - leader->told.name)),
		TALLY_TABLE(FIELD)
#undef FIELD
			LOG_END};

	if (memcmp(&leader->tally, &leader->told, sizeof leader->tally) == 0)
		return ERR_OK;
	log_write(LOG_LEVEL_INFO, "the last minute", fields);
	leader->told = leader->tally;
	return ERR_OK;
}
