#include "access/trust.h"

#include "domain/sealed.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* SKEW: between the record's clock and our idea of it; a key that was just made signs at once. */
enum { ROLES_DEPTH = 2, SKEW_MS = 1000 };

enum err trust_new(size_t issuers, struct trust **ret_trust)
{
	struct trust *t = calloc(1, sizeof *t + issuers * sizeof *t->issuers);

	if (!t)
		return ERR_NOMEM;
	t->holders = 1;
	*ret_trust = t;
	return ERR_OK;
}

/* ---- our own keys ---- */

/* Both kinds of secret are sealed by the installation's own key. */
static enum err own_open(struct keyring *ring, const struct sealed_key *own,
	struct sealed_where where, struct db_bytes sealed, struct sealed_view *ret_view)
{
	struct sealed_box box;
	enum err e;

	sealed_box_open(&box, ring, AUDIT_SYSTEM_TENANT, own);
	e = sealed_open(&box, where, sealed.bytes, sealed.len, ret_view);
	sealed_box_close(&box);
	return e;
}

static enum err key_take(
	struct trust_key *k, const struct signing_key *row, const struct sealed_view *view)
{
	if (row->public_key.len != sizeof k->key.public_key || view->len != sizeof k->key.secret)
		return ERR_DB_DATA;
	k->key.id = row->id;
	memcpy(k->key.public_key, row->public_key.bytes, sizeof k->key.public_key);
	memcpy(k->key.secret, view->bytes, sizeof k->key.secret);
	k->signs_ms = row->signs_ms;
	k->ends_ms = row->ends_ms;
	return ed25519_secret_fits(k->key.secret) ? ERR_OK : ERR_DB_DATA;
}

enum err trust_add_key(struct trust *t, struct keyring *ring, const struct signing_key *row)
{
	const struct sealed_where where = {SEALED_SIGNING_KEY, row->id, 0};
	struct sealed_view view = {0};
	enum err e;

	if (t->keys_n == TRUST_KEYS_MAX)
		return ERR_TOO_LARGE;
	e = own_open(ring, &row->own, where, row->secret, &view);
	if (!e)
		e = key_take(&t->keys[t->keys_n], row, &view);
	if (!e)
		t->keys_n++;
	sealed_view_clear(&view);
	return e;
}

static bool lives(const struct trust_key *k, int64_t now_ms)
{
	return !k->ends_ms || k->ends_ms > now_ms;
}

const struct trust_key *trust_signer(const struct trust *t, int64_t now_ms)
{
	for (size_t i = 0; i < t->keys_n; i++)
		if (t->keys[i].signs_ms <= now_ms + SKEW_MS && lives(&t->keys[i], now_ms))
			return &t->keys[i];
	return NULL;
}

const struct trust_key *trust_key_find(const struct trust *t, const char *kid, int64_t now_ms)
{
	struct id id;

	if (!id_parse(TOKEN_KID, kid, &id))
		return NULL;
	for (size_t i = 0; i < t->keys_n; i++)
		if (id_equal(t->keys[i].key.id, id) && lives(&t->keys[i], now_ms))
			return &t->keys[i];
	return NULL;
}

/* ---- issuers ---- */

static enum err roles_read(struct trust_issuer *to, const char *text)
{
	struct problems p = {0};
	json_t *map = NULL, *value;
	const char *name;
	enum err e = json_read(text, strlen(text), ROLES_DEPTH, &p, &map);

	if (e)
		return e;
	to->roles = calloc(json_object_size(map) + 1, sizeof *to->roles);
	if (!to->roles)
		e = ERR_NOMEM;
	json_object_foreach(map, name, value)
	{
		struct trust_role *role = to->roles ? &to->roles[to->roles_n] : NULL;

		if (e || !json_is_string(value))
			continue;
		role->theirs = strdup(name);
		role->ours = strdup(json_string_value(value));
		to->roles_n++;
		if (!role->theirs || !role->ours)
			e = ERR_NOMEM;
	}
	json_decref(map);
	return e;
}

static enum err secret_read(struct trust_issuer *to, struct keyring *ring, const struct issuer *row)
{
	const struct sealed_where where = {SEALED_ISSUER_SECRET, row->id, 0};
	struct sealed_view view = {0};
	enum err e;

	if (!row->secret.bytes)
		return ERR_OK;
	e = own_open(ring, &row->own, where, row->secret, &view);
	if (!e)
		e = jwk_secret(row->kid, view.bytes, view.len, &to->secret);
	sealed_view_clear(&view);
	return e;
}

static void issuer_clear(struct trust_issuer *i)
{
	for (size_t k = 0; k < i->roles_n; k++) {
		free(i->roles[k].theirs);
		free(i->roles[k].ours);
	}
	free(i->roles);
	free(i->iss);
	free(i->audience);
	free(i->url);
	free(i->roles_claim);
	jwk_clear(&i->secret);
}

enum err trust_add_issuer(struct trust *t, struct keyring *ring, const struct issuer *row)
{
	struct trust_issuer *to = &t->issuers[t->issuers_n];
	enum err e;

	memset(to, 0, sizeof *to);
	to->id = row->id;
	to->tenant = row->tenant;
	(void)strncpy(to->tenant_name, row->tenant_name, TRUST_NAME_MAX);
	to->iss = strdup(row->iss);
	to->audience = strdup(row->audience);
	to->url = strdup(row->jwks_url);
	to->roles_claim = strdup(row->roles_claim);
	to->algs = row->algorithms;
	e = to->iss && to->audience && to->url && to->roles_claim ? ERR_OK : ERR_NOMEM;
	if (!e)
		e = secret_read(to, ring, row);
	if (!e)
		e = roles_read(to, row->roles);
	if (e)
		issuer_clear(to);
	else
		t->issuers_n++;
	return e;
}

const struct trust_issuer *trust_issuer_find(const struct trust *t, const char *iss)
{
	for (size_t i = 0; i < t->issuers_n; i++)
		if (strcmp(t->issuers[i].iss, iss) == 0)
			return &t->issuers[i];
	return NULL;
}

bool trust_key_fell(const struct trust *t, struct id key, int64_t expires_ms, int64_t now_ms)
{
	for (size_t i = 0; i < t->keys_n; i++)
		if (id_equal(t->keys[i].key.id, key))
			return !lives(&t->keys[i], now_ms) && t->keys[i].ends_ms < expires_ms;
	return false;
}

bool trust_has_issuer(const struct trust *t, struct id issuer)
{
	for (size_t i = 0; i < t->issuers_n; i++)
		if (id_equal(t->issuers[i].id, issuer))
			return true;
	return false;
}

const char *trust_role(const struct trust_issuer *issuer, const char *theirs)
{
	for (size_t i = 0; i < issuer->roles_n; i++)
		if (strcmp(issuer->roles[i].theirs, theirs) == 0)
			return issuer->roles[i].ours;
	return NULL;
}

/* ---- counting ---- */

struct trust *trust_hold(struct trust *t)
{
	t->holders++;
	return t;
}

void trust_release(struct trust *t)
{
	if (!t || atomic_fetch_sub(&t->holders, 1) > 1)
		return;
	for (size_t i = 0; i < t->issuers_n; i++)
		issuer_clear(&t->issuers[i]);
	digest_wipe(t->keys, sizeof t->keys);
	free(t);
}
