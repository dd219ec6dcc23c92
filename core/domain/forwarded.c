#include "domain/forwarded.h"

#include <string.h>

enum { ENTRY_MAX = 64 };

/* What is left of the list: the header at `header`, its first `len` bytes. */
struct rest {
	const char *const *values;
	size_t header; /* how many are left; the last of them is cut at len */
	size_t len;
};

static bool is_trusted(const struct egress_net *trusted, size_t n, const uint8_t address[16])
{
	for (size_t i = 0; i < n; i++)
		if (egress_net_holds(&trusted[i], address))
			return true;
	return false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The last entry that is left, and takes it away; empty ones are passed over. */
static bool rest_pop(struct rest *rest, const char **ret_entry, size_t *ret_len)
{
	while (rest->header > 0) {
		const char *text = rest->values[rest->header - 1];
		size_t end = rest->len, begin;

		while (end > 0 && (is_blank(text[end - 1]) || text[end - 1] == ','))
			end--;
		begin = end;
		while (begin > 0 && text[begin - 1] != ',')
			begin--;
		rest->len = begin;
		if (begin == 0 && --rest->header > 0)
			rest->len = strlen(rest->values[rest->header - 1]);
		while (begin < end && is_blank(text[begin]))
			begin++;
		if (begin < end) {
			*ret_entry = text + begin;
			*ret_len = end - begin;
			return true;
		}
	}
	return false;
}

/* An address, [IPv6], or either with a port. */
static bool entry_parse(const char *entry, size_t len, uint8_t address[16])
{
	struct egress_net net;
	char text[ENTRY_MAX], *colon;

	if (len >= sizeof text)
		return false;
	memcpy(text, entry, len);
	text[len] = '\0';
	if (strchr(text, '/'))
		return false;
	colon = strchr(text, ':');
	if (text[0] == '[') {
		char *close = strchr(text, ']');

		if (!close || (close[1] && close[1] != ':'))
			return false;
		*close = '\0';
		memmove(text, text + 1, strlen(text));
	} else if (colon && !strchr(colon + 1, ':')) {
		*colon = '\0';
	}
	if (!egress_net_parse(text, &net))
		return false;
	memcpy(address, net.bytes, sizeof net.bytes);
	return true;
}

void forwarded_client(const char *const *values, size_t n, const struct egress_net *trusted,
	size_t trusted_n, uint8_t address[16])
{
	struct rest rest = {values, n, n ? strlen(values[n - 1]) : 0};
	const char *entry;
	size_t len;

	for (size_t hops = 0; hops < FORWARDED_HOPS_MAX && is_trusted(trusted, trusted_n, address);
		hops++)
		if (!rest_pop(&rest, &entry, &len) || !entry_parse(entry, len, address))
			return;
}
