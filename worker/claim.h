/* claim.h - where jobs come from.
 *
 * Kafka's messages name jobs; a claim of those keys is sent as soon as slots are
 * free, several messages together. When nothing came that way for claim_quiet_ms
 * and slots are free, the worker asks the record directly, with pauses that
 * double while nothing is found and start anew when something is. Without Kafka
 * that is the only way, and it is the same one.
 *
 * A message is a hint: once its claim was answered it is done, whatever was
 * claimed. While Postgres is away messages are kept and tried again.
 *
 * Threads: the loop's.  Memory: a batch of keys; taken messages, bounded by slots. */
#ifndef WORKER_CLAIM_H
#define WORKER_CLAIM_H

#include "ground/err.h"

#include <stddef.h>

struct claim_desk;
struct worker;

MUST_CHECK enum err claim_new(struct worker *w, struct claim_desk **ret_desk);
/* Leaves the group within wait_ms. NULL is fine. */
void claim_free(struct claim_desk *desk);
/* Slots got free, or the record is back: look at once. */
void claim_wake(struct claim_desk *desk);
/* At the end of a turn. */
void claim_flush(struct claim_desk *desk);
/* Slots that claims under way may fill. */
size_t claim_reserved(const struct claim_desk *desk);
/* True when no claim is under way. */
int claim_is_idle(const struct claim_desk *desk);

#endif
