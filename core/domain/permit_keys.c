#include "domain/permit_keys.h"

#include "ground/digest.h"

#include <string.h>

/* Each part with its NUL, so that no two names run into one. */
void permit_id(const char *a, const char *b, const char *c, char out[PERMIT_ID_MAX])
{
	static const char key[] = "permit";
	const struct digest_part parts[] = {
		{a, strlen(a) + 1}, {b, strlen(b) + 1}, {c, strlen(c) + 1}};
	uint8_t digest[DIGEST_SIZE];

	digest_hmac(key, sizeof(key), parts, sizeof(parts) / sizeof(parts[0]), digest);
	digest_hex(digest, (PERMIT_ID_MAX - 1) / 2, out);
}

struct id permit_line(const char id[PERMIT_ID_MAX])
{
	struct id line = {{0}};

	(void)digest_unhex(id, line.bytes, sizeof(line.bytes));
	return line;
}
