/* story.h - a job's life as one list, oldest first, and where its time went.
 *
 * Made of what GET /v1/jobs/{id}?expand=attempts,deliveries,place tells. The time between
 * two attempts is divided into the wait that the record names and the time in the
 * queue; that part is known for the last claim only, so before an earlier one all of
 * it counts as the wait. What a server does not tell (a key's label) is left out.
 *
 * Threads: pure.  Memory: JSON is the caller's. */
#ifndef CLI_STORY_H
#define CLI_STORY_H

#include "ports/json.h"

#include <stdint.h>

struct story {
	json_t *lines;	/* [{"at","event",...}] */
	json_t *shares; /* [{"stage","text","ms","share"}], those with some time, in a job's order
			 */
	int64_t life_ms;
};

/* now_ms: for a job that has not ended. ERR_NOMEM; ERR_INVALID_FIELD: that is no job. */
MUST_CHECK enum err story_make(const json_t *job, int64_t now_ms, struct story *ret_story);
void story_clear(struct story *story);

#endif
