#include "simulator/dialect.h"

#include <string.h>

static const struct dialect *const dialects[] = {&dialect_chat, &dialect_response, &dialect_message,
	&dialect_embedding, &dialect_moderation};

static bool ends_with(const char *path, size_t len, const char *tail)
{
	size_t n = strlen(tail);

	return len >= n && memcmp(path + len - n, tail, n) == 0;
}

const struct dialect *dialect_find(const char *path, size_t len)
{
	for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++)
		if (ends_with(path, len, dialects[i]->path))
			return dialects[i];
	return NULL;
}

bool dialect_counts(const struct reply *r)
{
	return !(r->ask.how.no_usage > 0);
}

static const char *error_type(int status)
{
	if (status == 401 || status == 403)
		return "authentication_error";
	if (status == 429)
		return "rate_limit_error";
	return status < 500 ? "invalid_request_error" : "server_error";
}

enum err dialect_refuse(int status, const char *code, const char *message, struct buf *out)
{
	buf_text(out, "{\"error\":{\"message\":");
	buf_json(out, message, strlen(message));
	buf_printf(out, ",\"type\":\"%s\",\"param\":null,\"code\":", error_type(status));
	if (code)
		buf_json(out, code, strlen(code));
	else
		buf_text(out, "null");
	return buf_text(out, "}}");
}
