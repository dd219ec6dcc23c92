/* lost_message.h - finds messages that led to no claim.
 *
 * Age alone proves nothing: consumers may lag, and publishing again would double
 * the backlog. A batch with ready rows is lost when the group's committed offset
 * has passed it, when its offset lies outside its partition (a wiped topic), or
 * when no delivery report came within scheduler.report_timeout_ms. While Kafka gives no answer,
 * nothing is known and nothing is lost. At most SURVEY_MAX batches a round; counted.
 *
 * Threads: the scheduler's; the waiting is done by the kafka_admin.
 * Memory: one round's batches. */
#ifndef SCHEDULER_LOST_MESSAGE_H
#define SCHEDULER_LOST_MESSAGE_H

#include "leader.h"
#include "ports/stream/admin.h"

struct lost_messages;

MUST_CHECK enum err lost_messages_new(struct lost_messages **ret_lost);
void lost_messages_free(struct lost_messages *lost);
MUST_CHECK enum err lost_message_run(struct leader *leader, bool *ret_busy);

/* Is a message at this offset of this partition lost? Pure. */
bool lost_message_judge(const struct stream_position *position, int64_t offset);

#endif
