#include "access/token_check.h"

#include "access/issuer_keys.h"
#include "ground/clock.h"
#include "producer.h"

#include <string.h>

struct check {
	struct producer *producer;
	const struct trust *trust;
	struct jws jws;
	struct claims claims;
	struct token_extra extra;
	struct id signer;	 /* of ours, that verified it */
	enum fault claims_fault; /* told behind a good signature only */
	int64_t now_ms;
	struct caller *caller;
	enum err err; /* of adding words */
};

/* ---- words ---- */

static void scope_take(void *ctx, const char *word, size_t len)
{
	struct check *c = ctx;

	if (!c->err)
		c->err = caller_scope_add(c->caller->words, word, len);
}

static void role_take(struct check *c, const char *name)
{
	if (name && !c->err)
		c->err = caller_role_add(c->caller->words, name, strlen(name));
}

static void roles_take(struct check *c, const json_t *roles, const struct trust_issuer *issuer)
{
	if (issuer)
		role_take(c, trust_role(issuer, TRUST_EVERYBODY));
	for (size_t i = 0; i < json_array_size(roles); i++) {
		const char *name = json_string_value(json_array_get(roles, i));

		role_take(c, name && issuer ? trust_role(issuer, name) : name);
	}
}

static enum fault words_fault(const struct check *c)
{
	if (c->err)
		return c->err == ERR_NOMEM ? FAULT_NOMEM : FAULT_WORDS;
	return FAULT_NONE;
}

/* ---- ours ---- */

static bool sub_read(const char *sub, struct caller *to)
{
	to->is_user = id_parse("usr", sub, &to->principal);
	return to->is_user || id_parse("key", sub, &to->principal);
}

static enum fault own_verify(struct check *c)
{
	const struct trust_key *key = trust_key_find(c->trust, c->jws.kid, c->now_ms);
	struct jwk jwk = {.alg = JWS_EDDSA};

	if (!key || c->jws.type != JWS_TYPE_ACCESS)
		return FAULT_REFUSED;
	c->signer = key->key.id;
	memcpy(jwk.ed25519, key->key.public_key, sizeof jwk.ed25519);
	return jwk_verify(&jwk, &c->jws) ? FAULT_NONE : FAULT_REFUSED;
}

static enum fault own_take(struct check *c)
{
	struct caller *to = c->caller;
	enum fault fault = token_extra_read(c->jws.payload, &c->extra);

	if (!fault &&
		(!id_parse("tnt", c->claims.tenant, &to->tenant) || !sub_read(c->claims.sub, to)))
		fault = FAULT_CLAIM;
	if (fault)
		return fault;
	to->signer = c->signer;
	to->credential = c->extra.jti;
	to->key = c->extra.key;
	to->family = c->extra.family;
	to->issuer = c->extra.via;
	memcpy(to->sources, c->extra.sources, sizeof to->sources);
	to->issued_ms = c->extra.since_ms;
	to->has_origin = c->extra.has_address;
	memcpy(to->origin, c->extra.address, sizeof to->origin);
	to->words = caller_words_new();
	if (!to->words)
		return FAULT_NOMEM;
	to->words->is_narrowed = c->claims.has_scope;
	claims_words(c->claims.scope, scope_take, c);
	roles_take(c, c->extra.roles, NULL);
	return words_fault(c);
}

static enum fault own_check(struct check *c)
{
	const struct config *config = c->producer->config;
	enum fault fault = own_verify(c);

	if (!fault)
		fault = c->claims_fault;
	if (!fault)
		fault = claims_judge(&c->claims, config->identity.audience, c->now_ms / 1000);
	return fault ? fault : own_take(c);
}

/* ---- theirs ---- */

/* Proof that the issuer said it. ret_issuer: its keys are others than we know, perhaps. */
static enum fault issuer_verify(
	const struct check *c, const struct trust_issuer *issuer, struct id *ret_issuer)
{
	struct jwk_set *set = NULL;
	const struct jwk *key = NULL;
	enum fault fault = FAULT_UNPROVED;

	if (!(issuer->algs & JWK_ALG(c->jws.alg)))
		return FAULT_UNPROVED;
	if (*issuer->url) {
		set = issuer_keys_hold(c->producer->issuer_keys, issuer);
		key = jwk_set_find(set, c->jws.kid);
		if (!key)
			*ret_issuer = issuer->id;
	} else if (strcmp(issuer->secret.kid, c->jws.kid) == 0) {
		key = &issuer->secret;
	}
	if (key && jwk_verify(key, &c->jws))
		fault = FAULT_NONE;
	jwk_set_release(set);
	return fault;
}

static bool is_tenant(const struct trust_issuer *issuer, const char *claim)
{
	char id[ID_TEXT_MAX];

	id_format("tnt", issuer->tenant, id);
	return strcmp(claim, issuer->tenant_name) == 0 || strcmp(claim, id) == 0;
}

/* Scopes of others' making (openid, email) are not ours: only words of the form resource:action
 * narrow. */
static void foreign_scope(void *ctx, const char *word, size_t len)
{
	struct check *c = ctx;

	if (!memchr(word, ':', len))
		return;
	c->caller->words->is_narrowed = true;
	scope_take(ctx, word, len);
}

/* As far back as their clock may be ahead of ours: a token is let in up to the leeway before its
 * iat, and must then be older than whatever is revoked behind that moment. */
static int64_t issued_ms(const struct claims *claims)
{
	return (claims->iat_s - CLAIMS_LEEWAY_S) * 1000;
}

static enum fault issuer_take(struct check *c, const struct trust_issuer *issuer)
{
	struct caller *to = c->caller;

	if (!is_tenant(issuer, c->claims.tenant))
		return FAULT_TENANT;
	to->tenant = issuer->tenant;
	to->issuer = issuer->id;
	to->is_user = true;
	to->principal = claims_id("sub", issuer->id, c->claims.sub);
	to->credential = claims_id("jti", issuer->id, c->claims.jti);
	to->issued_ms = issued_ms(&c->claims);
	to->words = caller_words_new();
	if (!to->words)
		return FAULT_NOMEM;
	claims_words(c->claims.scope, foreign_scope, c);
	roles_take(c, json_object_get(c->jws.payload, issuer->roles_claim), issuer);
	return words_fault(c);
}

static enum fault issuer_check(struct check *c, struct id *ret_issuer)
{
	const struct trust_issuer *issuer = trust_issuer_find(c->trust, c->claims.iss);
	enum fault fault = issuer ? issuer_verify(c, issuer, ret_issuer) : FAULT_UNPROVED;

	if (!fault)
		fault = c->claims_fault;
	if (!fault)
		fault = claims_judge(&c->claims, issuer->audience, c->now_ms / 1000);
	if (!fault)
		fault = issuer_take(c, issuer);
	if (!fault)
		*ret_issuer = issuer->id;
	return fault;
}

/* ---- either ---- */

static enum fault check(struct check *c, struct id *ret_issuer)
{
	const struct config *config = c->producer->config;

	c->claims_fault = claims_read(c->jws.payload, &c->claims);
	if (!c->claims.iss)
		return FAULT_REFUSED;
	if (strcmp(c->claims.iss, config->identity.issuer) == 0)
		return own_check(c);
	return issuer_check(c, ret_issuer);
}

enum fault token_check(struct producer *producer, const char *text, size_t len,
	struct caller *ret_caller, struct id *ret_issuer)
{
	struct caller caller = {.kind = CALLER_TOKEN};
	struct trust *trust = authority_trust(producer->authority);
	struct check c = {.producer = producer,
		.trust = trust,
		.now_ms = clock_record_ms(),
		.caller = &caller};
	enum fault fault = trust ? jws_read(text, len, &c.jws) : FAULT_NOMEM;

	memset(ret_issuer, 0, sizeof *ret_issuer);
	if (!fault)
		fault = jws_payload_read(&c.jws);
	if (!fault) {
		fault = check(&c, ret_issuer);
		caller.expires_ms = (c.claims.exp_s + CLAIMS_LEEWAY_S) * 1000;
		jws_clear(&c.jws);
	}
	trust_release(trust);
	if (fault)
		caller_clear(&caller);
	else
		*ret_caller = caller;
	return fault;
}
