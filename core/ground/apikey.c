#include "ground/apikey.h"

#include <string.h>

enum { APIKEY_CHANCE = 32, APIKEY_SUM = 4, APIKEY_PREFIX = 3 };

static void apikey_sum(const char *text, size_t len, char out[2 * APIKEY_SUM + 1])
{
	uint8_t hash[DIGEST_SIZE];

	digest_sha256(text, len, hash);
	digest_hex(hash, APIKEY_SUM, out);
}

void apikey_new(char out[APIKEY_TEXT_MAX])
{
	uint8_t chance[APIKEY_CHANCE];
	size_t body = APIKEY_PREFIX + 2 * APIKEY_CHANCE;

	digest_random(chance, sizeof(chance));
	memcpy(out, "lh_", APIKEY_PREFIX);
	digest_hex(chance, sizeof(chance), out + APIKEY_PREFIX);
	apikey_sum(out, body, out + body);
	digest_wipe(chance, sizeof(chance));
}

bool apikey_spelt(const char *text, size_t len)
{
	size_t body = APIKEY_PREFIX + 2 * APIKEY_CHANCE;
	char sum[2 * APIKEY_SUM + 1];

	if (len != APIKEY_LEN || memcmp(text, "lh_", APIKEY_PREFIX) != 0)
		return false;
	for (size_t i = APIKEY_PREFIX; i < len; i++) {
		if ((text[i] < '0' || text[i] > '9') && (text[i] < 'a' || text[i] > 'f'))
			return false;
	}
	apikey_sum(text, body, sum);
	return digest_equal(sum, text + body, sizeof(sum) - 1);
}

void apikey_hash(const char *text, size_t len, uint8_t out[DIGEST_SIZE])
{
	digest_sha256(text, len, out);
}
