/* An address that is taken has parts within it, and its origin is an address with that origin. */
#include "domain/egress.h"
#include "domain/url.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_origin(const struct url *url)
{
	struct buf one, two;
	struct url again;

	buf_init(&one, 4000);
	buf_init(&two, 4000);
	if (url_origin(url, &one) == ERR_OK) {
		if (url_parse(one.bytes, one.len, &again) != NULL ||
			url_origin(&again, &two) != ERR_OK || strcmp(one.bytes, two.bytes) != 0)
			abort();
	}
	buf_reset(&one);
	if (url_redacted(url, &one) == ERR_OK && strchr(one.bytes, '@') != NULL &&
		memchr(url->path, '@', url->path_len) == NULL)
		abort();
	buf_clear(&one);
	buf_clear(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const char *text = (const char *)bytes;
	struct url_listen listen;
	struct egress_net net;
	char copy[300];
	struct url url;

	if (url_parse(text, len, &url) == NULL) {
		if (url.host < text || url.path + url.path_len > text + len ||
			url.query_at > url.path_len || url.port == 0)
			abort();
		check_origin(&url);
	}
	if (len < sizeof(copy)) {
		memcpy(copy, text, len);
		copy[len] = '\0';
		url_listen_parse(copy, &listen);
		if (egress_net_parse(copy, &net) && !egress_bytes_allowed(net.bytes, &net, 1))
			abort();
	}
	return 0;
}
