/* job_json.h - the job as the API shows it (native-api.md, The job).
 *
 * Threads: pure.  Memory: appends to the caller's buffer, whose error tells. */
#ifndef JOBS_JOB_JSON_H
#define JOBS_JOB_JSON_H

#include "ground/buf.h"
#include "stores/job_read.h"

/* How far a running job is: "progress". */
struct job_progress {
	int percent; /* -1 = unknown */
	char stage[32];
	int64_t output_tokens;
};
struct job_progress job_progress_of(const struct job_row *row);
/* `,"progress":` and its object. */
void job_json_progress(struct buf *out, const struct job_progress *progress);
/* One object without its progress and its closing brace, so that expanded members may follow. */
void job_json_open(struct buf *out, const struct job_row *row, struct keyring *ring);
/* The same, closed. */
void job_json_write(struct buf *out, const struct job_row *row, struct keyring *ring);
/* `"name":`, then the time or null. */
void job_json_time(struct buf *out, const char *name, int64_t unix_ms);
/* One sentence on why a job ended or waits; err_text tells of a call. */
const char *job_json_error_text(enum err e);
/* `,"name":`, then the text or null when it is NULL or empty. */
void job_json_text(struct buf *out, const char *name, const char *text);
/* A sealed JSON text as it is; fallback when there is none. Without memory to open it out fails:
 * what is there is never told as if it were not. */
void job_json_sealed(struct buf *out, const struct sealed_box *box, struct sealed_where where,
	struct db_bytes sealed, const char *fallback);
/* A sealed text as a JSON string, or null; the same without memory. */
void job_json_sealed_text(struct buf *out, const struct sealed_box *box, struct sealed_where where,
	struct db_bytes sealed);
/* The object of timings behind `"timings_ms":`. */
void job_json_timings(struct buf *out, const int32_t timings_ms[TIMINGS]);
/* The object behind `"usage":`. */
struct job_usage {
	int64_t input_tokens, output_tokens, cost_nano;
	bool estimated; /* some of it was not counted by the upstream */
};
void job_json_usage(struct buf *out, const struct job_usage *usage);

enum { JOB_ETAG_MAX = 48 };
void job_etag(const struct job_row *row, char out[JOB_ETAG_MAX]);
/* Does an If-None-Match header (a list, perhaps weak, or *) name this tag? */
bool job_etag_matches(const char *header, const char *etag);

#endif
