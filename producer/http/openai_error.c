#include "http/openai_error.h"

#include <string.h>

/* Their words for ours; all others are ours. */
static const struct {
	enum err e;
	const char *code;
} codes[] = {
	{ERR_UNAUTHORIZED, "invalid_api_key"},
	{ERR_RATE_LIMITED, "rate_limit_exceeded"},
	{ERR_UNKNOWN_MODEL, "model_not_found"},
};

static const char *code_of(enum err e)
{
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (codes[i].e == e)
			return codes[i].code;
	return err_code(e);
}

static const char *type_of(enum err e)
{
	const int status = err_http(e);

	if (status >= 500)
		return "server_error";
	return status == 429 ? "requests" : "invalid_request_error";
}

void openai_error_write(
	struct buf *out, enum err e, const char *detail, const struct problems *problems)
{
	const struct problem *first = problems && problems->n ? &problems->list[0] : NULL;

	if (!detail)
		detail = first ? first->detail : err_text(e);
	(void)buf_text(out, "{\"error\":{\"message\":");
	(void)buf_json(out, detail, strlen(detail));
	(void)buf_printf(out, ",\"type\":\"%s\",\"param\":", type_of(e));
	if (first)
		(void)buf_json(out, first->pointer, strlen(first->pointer));
	else
		(void)buf_text(out, "null");
	(void)buf_printf(out, ",\"code\":\"%s\"}}", code_of(e));
}
