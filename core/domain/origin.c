#include "domain/origin.h"

#include <string.h>

static bool any_port(const char *text, size_t len)
{
	return len > 2 && memcmp(text + len - 2, ":*", 2) == 0;
}

const char *origin_entry_check(const char *text, size_t len)
{
	struct url url;
	const char *why = url_parse(text, any_port(text, len) ? len - 2 : len, &url);

	if (why)
		return why;
	return url.path_len ? "must be an origin: scheme, host and port, no path" : NULL;
}

bool origin_entry_covers(const char *text, size_t len, const struct url *url)
{
	struct url entry;

	if (origin_entry_check(text, len) != NULL)
		return false;
	if (url_parse(text, any_port(text, len) ? len - 2 : len, &entry) != NULL)
		return false;
	return entry.https == url->https && entry.host_len == url->host_len &&
	       strncasecmp(entry.host, url->host, url->host_len) == 0 &&
	       (any_port(text, len) || entry.port == url->port);
}
