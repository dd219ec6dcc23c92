#include "domain/url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

/* The part of a text that is still to be read. */
struct url_rest {
	const char *at;
	size_t len;
};

static bool url_take(struct url_rest *rest, const char *prefix)
{
	size_t n = strlen(prefix);

	if (rest->len < n || strncasecmp(rest->at, prefix, n) != 0)
		return false;
	rest->at += n;
	rest->len -= n;
	return true;
}

static size_t url_until(const struct url_rest *rest, const char *stops)
{
	size_t n = 0;

	while (n < rest->len && strchr(stops, rest->at[n]) == NULL)
		n++;
	return n;
}

static const char *url_bad_byte(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c <= 0x20 || c >= 0x7f)
			return "must be printable ASCII without blanks";
		if (strchr("\\\"<>^`{|}", c) != NULL)
			return "holds a character that must be percent-encoded";
		if (c == '#')
			return "must not hold a fragment";
	}
	return NULL;
}

static bool url_port(const char *text, size_t len, uint16_t *ret)
{
	unsigned port = 0;

	if (len == 0 || len > 5)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
		port = port * 10 + (unsigned)(text[i] - '0');
	}
	if (port == 0 || port > UINT16_MAX)
		return false;
	*ret = (uint16_t)port;
	return true;
}

static bool url_is_address(int family, const char *text, size_t len)
{
	char copy[INET6_ADDRSTRLEN];
	unsigned char bytes[16];

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return inet_pton(family, copy, bytes) == 1;
}

/* A last label made of digits (or of 0x...) is read as an IPv4 address by many parsers. */
static bool url_numeric(const char *host, size_t len)
{
	size_t start = len;

	while (start > 0 && host[start - 1] != '.')
		start--;
	return start < len && isdigit((unsigned char)host[start]);
}

static const char *url_name_fault(const char *host, size_t len)
{
	size_t label = 0;

	if (len == 0 || len > 253)
		return "needs a host";
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)host[i];

		label = c == '.' ? 0 : label + 1;
		if ((c == '.' && (i == 0 || host[i - 1] == '.')) || label > 63 ||
			(!isalnum(c) && c != '-' && c != '.' && c != '_'))
			return "has a malformed host";
	}
	if (url_numeric(host, len) && !url_is_address(AF_INET, host, len))
		return "has a host that looks like a number but is no IPv4 address";
	return NULL;
}

/* [address] or name, then an optional :port; rest is the authority alone. */
static const char *url_authority(struct url_rest rest, struct url *url)
{
	const char *fault = NULL;

	if (memchr(rest.at, '@', rest.len) != NULL)
		return "must not hold a user or password";
	url->ipv6 = url_take(&rest, "[");
	url->host = rest.at;
	url->host_len = url_until(&rest, url->ipv6 ? "]" : ":");
	rest.at += url->host_len;
	rest.len -= url->host_len;
	if (url->ipv6 &&
		(!url_take(&rest, "]") || !url_is_address(AF_INET6, url->host, url->host_len)))
		return "has a malformed IPv6 address";
	if (!url->ipv6)
		fault = url_name_fault(url->host, url->host_len);
	url->port = url->https ? 443 : 80;
	if (fault == NULL && rest.len > 0 &&
		(!url_take(&rest, ":") || !url_port(rest.at, rest.len, &url->port)))
		fault = "has a malformed port";
	return fault;
}

const char *url_parse(const char *text, size_t len, struct url *ret)
{
	struct url_rest rest = {text, len};
	struct url url = {0};
	const char *fault;
	const char *query;
	size_t n;

	if (len > URL_MAX)
		return "is longer than 2000 bytes";
	fault = url_bad_byte(text, len);
	if (fault != NULL)
		return fault;
	url.https = url_take(&rest, "https://");
	if (!url.https && !url_take(&rest, "http://"))
		return "must start with https:// or http://";
	n = url_until(&rest, "/?");
	fault = url_authority((struct url_rest){rest.at, n}, &url);
	if (fault != NULL)
		return fault;
	url.path = rest.at + n;
	url.path_len = rest.len - n;
	query = url.path_len > 0 ? memchr(url.path, '?', url.path_len) : NULL;
	url.query_at = query != NULL ? (size_t)(query - url.path) : url.path_len;
	*ret = url;
	return NULL;
}

static void url_host(const struct url *url, struct buf *out)
{
	unsigned char bytes[16];
	char text[INET6_ADDRSTRLEN] = "";

	if (!url->ipv6) {
		for (size_t i = 0; i < url->host_len; i++)
			buf_char(out, (char)tolower((unsigned char)url->host[i]));
		return;
	}
	/* One spelling per address. */
	memcpy(text, url->host, url->host_len);
	if (inet_pton(AF_INET6, text, bytes) == 1)
		inet_ntop(AF_INET6, bytes, text, sizeof(text));
	buf_printf(out, "[%s]", text);
}

enum err url_origin(const struct url *url, struct buf *out)
{
	buf_text(out, url->https ? "https://" : "http://");
	url_host(url, out);
	if (url->port != (url->https ? 443 : 80))
		buf_printf(out, ":%u", url->port);
	return buf_err(out);
}

enum err url_redacted(const struct url *url, struct buf *out)
{
	url_origin(url, out);
	buf_append(out, url->path, url->query_at);
	if (url->query_at < url->path_len)
		buf_text(out, "?...");
	return buf_err(out);
}

bool url_listen_parse(const char *text, struct url_listen *ret)
{
	const char *colon = strrchr(text, ':');
	struct url_listen found = {.host = ""};
	const char *host = text;
	size_t len;
	bool ipv6;

	if (colon == NULL || !url_port(colon + 1, strlen(colon + 1), &found.port))
		return false;
	len = (size_t)(colon - text);
	ipv6 = len >= 2 && host[0] == '[' && host[len - 1] == ']';
	if (ipv6) {
		host++;
		len -= 2;
	}
	if (ipv6 ? !url_is_address(AF_INET6, host, len)
		 : len > 0 && !(len == 1 && *host == '*') && url_name_fault(host, len) != NULL)
		return false;
	if (!(len == 1 && *host == '*'))
		memcpy(found.host, host, len);
	*ret = found;
	return true;
}
