/* openai_error.h - a failure as the SDKs of OpenAI understand it.
 *
 *   {"error": {"message": "...", "type": "invalid_request_error", "param": null, "code": "..."}}
 *
 * type is theirs: invalid_request_error, requests (429) or server_error (from 500 on). code is
 * the word of our error table, but for those that their callers look for: invalid_api_key
 * (401), rate_limit_exceeded and model_not_found. param is the pointer of the first wrong field.
 *
 * Threads: pure.  Memory: appends to the caller's buffer, whose error tells. */
#ifndef HTTP_OPENAI_ERROR_H
#define HTTP_OPENAI_ERROR_H

#include "ground/buf.h"
#include "ground/err.h"
#include "ports/json.h"

/* detail and problems may be NULL, as in reply_problem. */
void openai_error_write(
	struct buf *out, enum err e, const char *detail, const struct problems *problems);

#endif
