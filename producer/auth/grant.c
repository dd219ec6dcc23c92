#include "auth/grant.h"

#include "access/authority.h"
#include "ground/clock.h"
#include "producer.h"

#include <stdio.h>
#include <string.h>

enum { TOKEN_TEXT_MAX = 8192, SCOPE_WORD_MAX = 128 };

/* ---- scopes ---- */

struct asking {
	const struct caller *caller;
	struct grant *grant;
	bool good;
};

static bool scope_append(struct grant *g, const char *word, size_t len)
{
	size_t at = strlen(g->scope);

	if (at + len + 2 > sizeof g->scope)
		return false;
	(void)snprintf(
		g->scope + at, sizeof g->scope - at, "%s%.*s", at ? " " : "", (int)len, word);
	return true;
}

/* Of a tenant's: nobody else buys tokens. */
static bool is_scope(const char *word)
{
	const permission_set set = permission_scope(word);

	return set != 0 && !(set & permission_operators());
}

static void scope_ask(void *ctx, const char *word, size_t len)
{
	struct asking *a = ctx;
	char text[SCOPE_WORD_MAX];

	if (len >= sizeof text) {
		a->good = false;
		return;
	}
	(void)snprintf(text, sizeof text, "%.*s", (int)len, word);
	if (strcmp(text, "offline_access") == 0) {
		a->grant->is_offline = true;
		return;
	}
	a->grant->is_narrowed = true;
	a->good = a->good && is_scope(text) && caller_scope_allows(a->caller, text) &&
		  scope_append(a->grant, word, len);
}

/* Nothing asked for but perhaps offline_access: as much as the caller may. */
static bool scopes_inherit(const struct caller *caller, struct grant *g)
{
	bool good = true;

	if (g->is_narrowed || !caller->words || !caller->words->is_narrowed)
		return true;
	g->is_narrowed = true;
	for (size_t i = 0; i < caller->words->scopes_n; i++)
		good = good &&
		       scope_append(g, caller->words->scopes[i], strlen(caller->words->scopes[i]));
	return good;
}

static bool scopes_take(
	struct request *r, const struct caller *caller, const char *asked, struct grant *g)
{
	struct asking a = {.caller = caller, .grant = g, .good = true};

	if (asked)
		claims_words(asked, scope_ask, &a);
	if (a.good && scopes_inherit(caller, g))
		return true;
	oauth_fail(r, OAUTH_INVALID_SCOPE, "a scope is unknown, or beyond what the client may");
	return false;
}

/* ---- from whom ---- */

static json_t *roles_of(const struct caller *caller)
{
	json_t *roles;

	if (!caller->words || caller->words->roles_n == 0)
		return NULL;
	roles = json_array();
	for (size_t i = 0; roles && i < caller->words->roles_n; i++)
		if (json_array_append_new(roles, json_string(caller->words->roles[i]))) {
			json_decref(roles);
			roles = NULL;
		}
	return roles;
}

/* Of a token the time of its leeway is no life: handed on, each exchange would lend a minute more.
 */
static int64_t most_of(const struct caller *caller)
{
	const int64_t leeway_ms = caller->kind == CALLER_TOKEN ? CLAIMS_LEEWAY_S * 1000 : 0;

	return caller->expires_ms ? caller->expires_ms - leeway_ms : 0;
}

bool grant_from_caller(
	struct request *r, const struct caller *caller, const char *asked, struct grant *g)
{
	bool has_roles = caller->words && caller->words->roles_n > 0;

	g->tenant = caller->tenant;
	g->most_ms = most_of(caller);
	g->since_ms = caller->issued_ms;
	id_format(caller->is_user ? "usr" : "key", caller->principal, g->sub);
	memcpy(g->address, r->address, sizeof g->address);
	g->roles = roles_of(caller);
	if (has_roles && !g->roles) {
		oauth_fail(r, OAUTH_UNAVAILABLE, "out of memory");
		return false;
	}
	return scopes_take(r, caller, asked, g);
}

bool grant_from_family(
	struct request *r, const struct refresh_family *family, const char *asked, struct grant *g)
{
	struct caller bound = {0};
	struct problems p = {0};
	enum err e = ERR_OK;
	bool good;

	g->tenant = family->tenant;
	g->key = family->key;
	g->family = family->family;
	g->issuer = family->issuer;
	g->sources[0] = family->source;
	g->most_ms = family->expires_ms;
	g->since_ms = family->since_ms;
	memcpy(g->address, family->address, sizeof g->address);
	(void)snprintf(g->sub, sizeof g->sub, "%s", family->principal);
	if (family->scope)
		e = caller_narrow(&bound, family->scope);
	if (!e && *family->roles)
		e = json_read(family->roles, strlen(family->roles), 2, &p, &g->roles);
	if (e)
		oauth_fail(r, OAUTH_UNAVAILABLE, "out of memory");
	good = !e && scopes_take(r, &bound, asked, g);
	caller_clear(&bound);
	return good;
}

/* ---- giving ---- */

static enum err sign(struct request *r, const struct grant *g, int64_t life_s, struct buf *token)
{
	const struct config *config = r->producer->config;
	struct trust *trust = authority_trust(r->producer->authority);
	int64_t now_ms = clock_record_ms();
	const struct trust_key *key = trust ? trust_signer(trust, now_ms) : NULL;
	struct token_grant grant = {.issuer = config->identity.issuer,
		.audience = config->identity.audience,
		.jti = g->jti,
		.tenant = g->tenant,
		.sub = g->sub,
		.roles = g->roles,
		.scope = g->is_narrowed ? g->scope : NULL,
		.key = g->key,
		.family = g->family,
		.via = g->issuer,
		.since_ms = g->since_ms,
		.issued_s = now_ms / 1000,
		.expires_s = now_ms / 1000 + life_s};
	enum err e;

	memcpy(grant.address, g->address, sizeof grant.address);
	memcpy(grant.sources, g->sources, sizeof grant.sources);
	e = key ? token_sign(&grant, &key->key, token) : ERR_UNAVAILABLE;
	trust_release(trust);
	return e;
}

static int64_t life_of(const struct request *r, const struct grant *g)
{
	int64_t life_s = r->producer->config->identity.token_ttl_s;
	int64_t left_s = g->most_ms ? (g->most_ms - clock_record_ms()) / 1000 : life_s;

	return left_s < life_s ? left_s : life_s;
}

static void text_put(struct buf *out, const char *name, const char *value)
{
	(void)buf_printf(out, ",\"%s\":", name);
	(void)buf_json(out, value, strlen(value));
}

void grant_answer(struct request *r, const struct grant *g)
{
	int64_t life_s = life_of(r, g);
	struct buf token, *out;
	enum err e;

	buf_init(&token, TOKEN_TEXT_MAX);
	e = life_s > 0 ? sign(r, g, life_s, &token) : ERR_UNAUTHORIZED;
	if (e == ERR_UNAUTHORIZED) {
		oauth_fail(r, OAUTH_INVALID_GRANT, "it has expired");
	} else if (e) {
		oauth_fail(r, OAUTH_UNAVAILABLE, "no token can be signed right now");
	} else {
		out = oauth_reply(r);
		(void)buf_printf(out,
			"{\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":%lld",
			token.bytes, (long long)life_s);
		if (g->is_narrowed)
			text_put(out, "scope", g->scope);
		if (g->issued_type)
			text_put(out, "issued_token_type", g->issued_type);
		if (g->refresh[0])
			text_put(out, "refresh_token", g->refresh);
		(void)buf_char(out, '}');
	}
	buf_clear(&token);
}

void grant_clear(struct grant *g)
{
	json_decref(g->roles);
	digest_wipe(g, sizeof *g);
}
