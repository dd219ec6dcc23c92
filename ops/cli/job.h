/* job.h - one job: its address, what it says, its answer; get.
 *
 * Threads: one.  Memory: JSON stays the caller's. */
#ifndef CLI_JOB_H
#define CLI_JOB_H

#include "client.h"

enum { JOB_PATH_MAX_BYTES = 8 << 10 };

/* OUTCOME_USAGE (said) when text is not spelt as a job's id. */
enum outcome job_check_id(const struct call *call, const char *text);
enum outcome job_check_ids(const struct call *call);

const char *job_state(const json_t *job);
bool job_has_ended(const json_t *job);
/* OUTCOME_OK when it completed, else OUTCOME_FAILED. */
enum outcome job_outcome(const json_t *job);

/* Appends the text that the upstream wrote, whatever its API; the reply as JSON where no text is
 * known in it; nothing when there is no result. */
void job_answer(const json_t *job, struct buf *out);
/* Prints the answer's text, newline-ended; for a job that did not complete its error on call->err.
 */
void job_print_answer(const struct call *call, const json_t *job);
/* Prints what is worth knowing, line by line, and the answer. */
void job_print(const struct call *call, const json_t *job);

/* Who an error's further words are by, as the beginning of a sentence: "the upstream said: ", or
 * "" where they are our own. */
const char *job_words_by(const json_t *error);

#endif
