/* publish.h - tells workers through Kafka what was just committed, when that is allowed.
 *
 * The leader grants each queue an allotment (what the fleet could start at once);
 * within it a producer publishes right after its commit, so that an idle system
 * starts a job at once. A plan is made before the commit, because the rows carry
 * the batch's id; it is sent, or given up, after it. Whatever is not published, or
 * lost, is dispatched by the leader: a message is only a hint.
 *
 * Threads: any; the publisher's own for deliveries.  Memory: a plan is a few
 * hundred bytes and lives from publish_plan to publish_go. */
#ifndef PUBLISH_H
#define PUBLISH_H

#include "record/record.h"
#include "stores/submit.h"

struct producer;
struct publish;
struct publish_plan;

/* Without brokers in the configuration it does nothing, for ever. */
MUST_CHECK enum err publish_new(struct producer *producer, struct publish **ret_publish);
void publish_free(struct publish *p);
bool publish_is_up(const struct publish *p);

/* Marks those elements that we shall publish. NULL: none. */
struct publish_plan *publish_plan(struct producer *producer, struct submit *const *list, size_t n);
/* Sends what was committed and is ready; frees the plan. NULL is fine. */
void publish_go(struct publish_plan *plan, bool committed);

extern const struct record_op publish_sent_op;

#endif
