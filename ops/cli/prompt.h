/* prompt.h - from what was typed to the input of a job.
 *
 * Each kind of job wants its words in another place; one table says where.
 *
 * Threads: one.  Memory: *ret_ is the caller's. */
#ifndef CLI_PROMPT_H
#define CLI_PROMPT_H

#include "call.h"

#include "ports/json.h"

/* The body of POST /v1/jobs that the options and arguments describe, without its input. */
enum outcome prompt_settings(const struct call *call, json_t **ret_job);
/* The same with its input: --input's JSON, or the prompt in the form of its kind. model: what to
 * ask when --model is not given, may be "". */
enum outcome prompt_job(const struct call *call, const char *model, json_t **ret_job);

#endif
