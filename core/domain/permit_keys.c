#include "domain/permit_keys.h"

#include "ground/digest.h"

#include <stdio.h>
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

void permit_payer_name(const struct permit_payer *payer, char out[PERMIT_PAYER_MAX])
{
	char tenant[ID_UUID_MAX] = "";

	if (!id_is_zero(payer->tenant))
		id_uuid(payer->tenant, tenant);
	(void)snprintf(
		out, PERMIT_PAYER_MAX, "%s%s%s", tenant, payer->who[0] ? "/" : "", payer->who);
}

bool permit_payer_read(const char *level, const char *name, struct permit_payer *ret_payer)
{
	const size_t len = strcspn(name, "/");
	char tenant[ID_UUID_MAX];

	*ret_payer = (struct permit_payer){
		.level = limit_level_from_text(level), .who = name[len] ? name + len + 1 : ""};
	if (!limit_level_is_tokens(ret_payer->level))
		return false;
	if (ret_payer->level == LIMIT_TOKENS_GLOBAL)
		return !name[0];
	if (len >= sizeof(tenant) || (ret_payer->level == LIMIT_TOKENS) != !ret_payer->who[0])
		return false;
	memcpy(tenant, name, len);
	tenant[len] = '\0';
	return id_uuid_parse(tenant, &ret_payer->tenant);
}

struct id permit_line(const char id[PERMIT_ID_MAX])
{
	struct id line = {{0}};

	(void)digest_unhex(id, line.bytes, sizeof(line.bytes));
	return line;
}
