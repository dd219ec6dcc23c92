/* dispatch.h - the leader moves ids towards the workers, a shallow window at a time.
 *
 * One turn: note where earlier messages delivered, look, plan (window.h), tell the
 * producers their allotment, mark and publish batches. A batch is one message on
 * one partition and one row of the record. What Kafka refuses is unmarked at once.
 * While Kafka is away nothing is sent; workers claim from the tables meanwhile.
 * Without Kafka at all, turns only keep the record's numbers and the queues' rates.
 *
 * Threads: the scheduler's; deliveries are handed out on the loop, between turns.
 * Memory: fixed, dispatch_new to dispatch_free. */
#ifndef SCHEDULER_DISPATCH_H
#define SCHEDULER_DISPATCH_H

#include "board.h"
#include "kafka_admin.h"
#include "leader.h"

struct dispatch;

/* Opens the publisher and the kafka_admin when there is a Kafka. ERR_CONFIG, ERR_NOMEM, ERR_SYSTEM
 */
MUST_CHECK enum err dispatch_new(
	struct loop *loop, const struct config *config, struct dispatch **ret_dispatch);
void dispatch_free(struct dispatch *dispatch);
/* A new term begins: what was remembered of an older one is void. */
void dispatch_forget(struct dispatch *dispatch);

/* The duty. */
MUST_CHECK enum err dispatch_run(struct leader *leader, bool *ret_busy);

/* Does Kafka take messages? False without one. */
bool dispatch_kafka_is_up(const struct dispatch *dispatch);

/* For the duties that build on it (grants.h, lost_message.h). */
struct board *dispatch_board(struct dispatch *dispatch);
/* NULL without Kafka, and while it is away: nothing can be asked then. */
struct kafka_admin *dispatch_kafka_admin(struct dispatch *dispatch);
/* Makes these batches' jobs pickable again; *ret_n = jobs. */
MUST_CHECK enum err dispatch_take_back(
	struct leader *leader, const struct id *batches, size_t n, size_t *ret_n);

#endif
