/* lost.h - finds messages that led to no claim (rule 17).
 *
 * Age alone proves nothing: consumers may lag, and publishing again would double
 * the backlog. A batch with ready rows is lost when the group's committed offset
 * has passed it, when its offset lies outside its partition (a wiped topic), or
 * when no delivery report came in five seconds. While Kafka gives no answer,
 * nothing is known and nothing is lost. At most SURVEY_MAX batches a round; counted.
 *
 * Threads: the scheduler's; the waiting is done by the surveyor. */
#ifndef SCHEDULER_LOST_H
#define SCHEDULER_LOST_H

#include "leader.h"
#include "ports/stream/admin.h"

struct lost;

MUST_CHECK enum err lost_new(struct lost **ret_lost);
void lost_free(struct lost *lost);
MUST_CHECK enum err lost_run(struct leader *leader, bool *ret_busy);

/* Is a message at this offset of this partition lost? Pure. */
bool lost_judge(const struct stream_position *position, int64_t offset);

#endif
