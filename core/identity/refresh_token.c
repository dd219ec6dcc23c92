#include "identity/refresh_token.h"

#include <string.h>

enum { PREFIX = 4, TENANT = 16, CHANCE = 32, SUM = 4, BODY = PREFIX + 2 * (TENANT + CHANCE) };

static void sum_write(const char *text, char out[2 * SUM + 1])
{
	uint8_t hash[DIGEST_SIZE];

	digest_sha256(text, BODY, hash);
	digest_hex(hash, SUM, out);
}

void refresh_token_new(struct id tenant, char out[REFRESH_TOKEN_MAX])
{
	uint8_t chance[CHANCE];

	digest_random(chance, sizeof chance);
	memcpy(out, "lhr_", PREFIX);
	digest_hex(tenant.bytes, TENANT, out + PREFIX);
	digest_hex(chance, CHANCE, out + PREFIX + 2 * TENANT);
	sum_write(out, out + BODY);
	digest_wipe(chance, sizeof chance);
}

bool refresh_token_read(const char *text, struct id *ret_tenant)
{
	char tenant[2 * TENANT + 1] = {0}, sum[2 * SUM + 1];

	if (strlen(text) != REFRESH_TOKEN_LEN || memcmp(text, "lhr_", PREFIX) != 0 ||
		strspn(text + PREFIX, "0123456789abcdef") != REFRESH_TOKEN_LEN - PREFIX)
		return false;
	sum_write(text, sum);
	memcpy(tenant, text + PREFIX, sizeof tenant - 1);
	return digest_equal(sum, text + BODY, sizeof sum - 1) &&
	       digest_unhex(tenant, ret_tenant->bytes, TENANT);
}

void refresh_token_hash(const char *text, uint8_t out[DIGEST_SIZE])
{
	digest_sha256(text, REFRESH_TOKEN_LEN, out);
}
