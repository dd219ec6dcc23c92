#include "domain/pseudonym.h"

#include <string.h>

enum err pseudonym_key_read(const char *text, size_t len, struct pseudonym_key *ret_key)
{
	struct pseudonym_key key = {{0}};
	size_t n = 0;
	const bool fits =
		digest_base64_decode(DIGEST_BASE64, text, len, key.bytes, sizeof key.bytes, &n) &&
		n == sizeof key.bytes;

	if (fits)
		*ret_key = key;
	digest_wipe(&key, sizeof key);
	return fits ? ERR_OK : ERR_CONFIG;
}

struct id pseudonym(const struct pseudonym_key *key, const char *kind, const uint8_t *tenant,
	const void *bytes, size_t len)
{
	static const uint8_t nobody[PSEUDONYM_KEY];
	const struct digest_part parts[] = {
		{kind, strlen(kind) + 1}, {tenant ? tenant : nobody, PSEUDONYM_KEY}, {bytes, len}};
	struct id id = {{0}};

	digest_keyed(key->bytes, sizeof key->bytes, parts, 3, id.bytes, sizeof id.bytes);
	return id;
}
