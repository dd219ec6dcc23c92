/* story_reason.h - why an attempt ended as it did, and what that meant for its job.
 *
 * Judged by the error table's fate, as the worker judged.
 *
 * Threads: pure.  Memory: static. */
#ifndef CLI_STORY_REASON_H
#define CLI_STORY_REASON_H

#include "ports/json.h"

#include <stdbool.h>

/* Nothing was sent: the upstream might not be called, and the attempt does not count. */
bool story_is_parked(const json_t *attempt);
/* A clause for people: "its attempts are used up". */
const char *story_reason(const json_t *job, const json_t *attempt);

#endif
