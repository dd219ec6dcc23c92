/* claim.h - where jobs come from.
 *
 * Kafka's messages name jobs; a claim of those keys is sent when slots are free and
 * the last one is claim_wait_ms old, several messages together. When nothing came that way for
 * claim_quiet_ms and slots are free, the worker asks the record directly, with pauses that double
 * while nothing is found and start anew when something is. Without Kafka that is the only way, and
 * it is the same one. While messages come all the time it asks every ten times claim_quiet_ms: what
 * lies in the partitions of a reader that takes nothing would wait for that reader's end.
 *
 * A message is a hint: once its claim was answered it is done, whatever was
 * claimed. While Postgres is away messages are kept and tried again.
 *
 * Threads: the loop's.  Memory: a batch of keys; taken messages, bounded by slots. */
#ifndef WORKER_CLAIM_H
#define WORKER_CLAIM_H

#include "ground/err.h"

#include <stdbool.h>
#include <stddef.h>

struct claimer;
struct worker;

MUST_CHECK enum err claim_new(struct worker *w, struct claimer **ret_claimer);
/* Leaves the group, within three seconds; messages that are not done with go to others. After the
 * connections are closed, before loop_free. NULL is fine. */
void claim_free(struct claimer *claimer);
/* Slots got free, or the record is back: look at once. */
void claim_wake(struct claimer *claimer);
/* A dispatch message that Kafka will bring, heard before (early.h). */
void claim_early(struct claimer *claimer, const char *queue, const char *bytes, size_t len);
/* The record may hold leases of ours that nobody here knows of: it is asked soon. */
void claim_doubt(struct claimer *claimer);
/* At the end of a turn. */
void claim_flush(struct claimer *claimer);
/* Slots that claims under way may fill. */
size_t claim_reserved(const struct claimer *claimer);
/* Kafka partitions read now; 0 without Kafka. */
size_t claim_partitions(const struct claimer *claimer);
/* Is no claim under way, so that nothing new can come before the next flush? */
bool claim_is_idle(const struct claimer *claimer);

#endif
