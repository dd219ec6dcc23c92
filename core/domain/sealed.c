#include "domain/sealed.h"

#include <stdlib.h>
#include <string.h>

enum err sealed_close(
	const struct sealed_keys *keys, const void *bytes, size_t len, struct buf *out)
{
	enum err e = buf_reserve(out, len + 1);

	(void)keys;
	if (e == ERR_OK)
		e = buf_char(out, SEALED_CLEAR);
	return e == ERR_OK ? buf_append(out, bytes, len) : e;
}

enum err sealed_open(const struct sealed_keys *keys, const void *sealed, size_t len,
	struct sealed_view *ret_view)
{
	const char *bytes = sealed;

	(void)keys;
	if (len == 0 || bytes[0] != SEALED_CLEAR)
		return ERR_DB_DATA;
	*ret_view = (struct sealed_view){.bytes = bytes + 1, .len = len - 1};
	return ERR_OK;
}

void sealed_view_clear(struct sealed_view *view)
{
	if (view == NULL)
		return;
	if (view->owned != NULL)
		digest_wipe(view->owned, view->len);
	free(view->owned);
	*view = (struct sealed_view){0};
}

static void sealed_length(size_t n, uint8_t out[8])
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)((uint64_t)n >> (56 - 8 * i));
}

void sealed_match(const uint8_t key[SEALED_MATCH_KEY], const char *what, struct sealed_pair pair,
	uint8_t out[DIGEST_SIZE])
{
	uint8_t lengths[3][8];
	const struct digest_part parts[] = {
		{lengths, sizeof(lengths)},
		{what, strlen(what)},
		{pair.name, pair.name_len},
		{pair.value, pair.value_len},
	};

	sealed_length(strlen(what), lengths[0]);
	sealed_length(pair.name_len, lengths[1]);
	sealed_length(pair.value_len, lengths[2]);
	digest_hmac(key, SEALED_MATCH_KEY, parts, sizeof(parts) / sizeof(*parts), out);
}
