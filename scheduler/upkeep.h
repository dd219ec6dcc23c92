/* upkeep.h - small work that keeps the record in shape.
 *
 * Threads: the scheduler's. */
#ifndef SCHEDULER_UPKEEP_H
#define SCHEDULER_UPKEEP_H

#include "leader.h"

/* Depths and oldest ages, counted into queue_flow for people and for max_queued. */
MUST_CHECK enum err upkeep_count(struct leader *leader, bool *ret_busy);
/* Heads that a crossing of writers lost are put back; long-empty ones removed. */
MUST_CHECK enum err upkeep_heads(struct leader *leader, bool *ret_busy);
/* Days of history made ahead, expired ones dropped, a step at a time. */
MUST_CHECK enum err upkeep_partitions(struct leader *leader, bool *ret_busy);
/* Rows of long-dead workers, expired idempotency keys. */
MUST_CHECK enum err upkeep_tidy(struct leader *leader, bool *ret_busy);
/* One log line with what was done since the last one, if anything was. */
MUST_CHECK enum err upkeep_report(struct leader *leader, bool *ret_busy);

#endif
