/* openai_call.h - the paths at which an SDK of OpenAI's calls: but for a model's, none is served
 * yet.
 *
 * Whoever points one at longhaul gets what it understands (http/openai_error.h): 401 for a
 * key that is not known, 429 over a limit, and only then 404, with a sentence that says what
 * to call instead.
 *
 * A model is served when a job that names it would find an upstream. There is no list of
 * them, as an upstream may serve a pattern.
 *
 * Threads: the server's.  Memory: nothing is kept. */
#ifndef JOBS_OPENAI_CALL_H
#define JOBS_OPENAI_CALL_H

#include "http/route.h"

route_handler_fn openai_call;
/* Whatever else lies below a prefix of OpenAI's (ROUTE_BELOW). */
route_handler_fn openai_below_call;
/* The model that {name} says, as OpenAI describes one. */
route_handler_fn openai_model_get;

#endif
