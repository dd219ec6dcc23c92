/* attempt_json.h - one attempt of a job as the API shows it (?expand=attempts).
 *
 * Threads: pure.  Memory: appends to the caller's buffer, whose error tells. */
#ifndef JOBS_ATTEMPT_JSON_H
#define JOBS_ATTEMPT_JSON_H

#include "domain/sealed.h"
#include "ground/buf.h"
#include "stores/job_list.h"

/* One object. box holds the job's key open, for the upstream's words. */
void attempt_json_put(
	struct buf *out, struct id job, const struct attempt_row *a, const struct sealed_box *box);

#endif
