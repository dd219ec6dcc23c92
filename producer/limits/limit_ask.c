#include "limits/limit_ask.h"

#include "http/request.h"
#include "limits/plans.h"
#include "producer.h"

#include <stdlib.h>
#include <string.h>

enum { NET_BYTES = 8, MAPPED_BYTES = 12 };

/* IPv6 by its /64: whoever has one of its addresses has all. */
static size_t address_bytes(const struct request *r)
{
	static const uint8_t mapped[MAPPED_BYTES] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	return memcmp(r->address, mapped, sizeof mapped) == 0 ? sizeof r->address
							      : (size_t)NET_BYTES;
}

/* Whose bucket it is; what is shorter ends in zeros. */
struct whose {
	uint8_t level;
	struct id tenant; /* zero: of no tenant */
	char what[ROLE_NAME_MAX + 1];
};

static void whose_put(struct whose *whose, const void *what, size_t n)
{
	memcpy(whose->what, what, n < sizeof whose->what ? n : sizeof whose->what);
}

static void key_name(const struct request *r, const uint8_t name_key[DIGEST_SHORT_KEY],
	const char *role, struct limit_key *key)
{
	const struct caller *c = &r->caller;
	struct whose whose = {.level = (uint8_t)key->level};

	if (key->level != LIMIT_GLOBAL && key->level != LIMIT_IP)
		whose.tenant = c->tenant;
	if (key->level == LIMIT_ROLE && role)
		whose_put(&whose, role, strlen(role));
	else if (key->level == LIMIT_IP)
		whose_put(&whose, r->address, address_bytes(r));
	else if (key->level == LIMIT_USER)
		whose_put(&whose, c->principal.bytes, sizeof c->principal.bytes);
	digest_short(name_key, &whose, sizeof whose, key->id);
}

static size_t limits_of(struct request *r, struct plans_found found[PLANS_FOUND_MAX])
{
	const struct rights *rights = r->caller.rights;
	const struct plans_whom whom = {.tenant = r->is_known ? r->caller.tenant : (struct id){{0}},
		.roles = rights ? (const char *const *)rights->roles : NULL,
		.roles_n = rights ? rights->roles_n : 0};

	return plans_find(r->producer->plans, &whom, found);
}

enum err limit_ask_make(
	struct request *r, const uint8_t name_key[DIGEST_SHORT_KEY], struct limit_ask **ret_ask)
{
	struct plans_found found[PLANS_FOUND_MAX];
	const size_t n = limits_of(r, found);
	struct limit_ask *ask = n ? calloc(1, sizeof *ask + n * sizeof *ask->keys) : NULL;

	if (n && !ask)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++) {
		ask->keys[i] = (struct limit_key){
			.level = found[i].level, .limit = found[i].limit, .pace = found[i].pace};
		key_name(r, name_key, found[i].role, &ask->keys[i]);
	}
	if (ask) {
		ask->r = r;
		ask->n = n;
	}
	*ret_ask = ask;
	return ERR_OK;
}
