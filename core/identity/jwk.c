#include "identity/jwk.h"

#include "ground/digest.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_MAX = 1100 };

/* ---- members ---- */

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static bool number_read(const json_t *object, const char *name, uint8_t out[NUMBER_MAX],
	struct public_key_number *ret)
{
	const char *text = text_of(object, name);

	ret->bytes = out;
	return digest_base64_decode(
		DIGEST_BASE64_URL, text, strlen(text), out, NUMBER_MAX, &ret->len);
}

static bool bytes_read(const json_t *object, const char *name, uint8_t *out, size_t want)
{
	const char *text = text_of(object, name);
	size_t len = 0;

	return digest_base64_decode(DIGEST_BASE64_URL, text, strlen(text), out, want, &len) &&
	       len == want;
}

/* ---- types ---- */

static enum err read_rsa(const json_t *object, struct jwk *key)
{
	uint8_t n[NUMBER_MAX], x[NUMBER_MAX];
	struct public_key_number modulus, exponent;

	if (!number_read(object, "n", n, &modulus) || !number_read(object, "e", x, &exponent))
		return ERR_INVALID_FIELD;
	return public_key_rsa(modulus, exponent, &key->public_key);
}

static enum err read_p256(const json_t *object, struct jwk *key)
{
	uint8_t x[PUBLIC_KEY_P256], y[PUBLIC_KEY_P256];

	if (!bytes_read(object, "x", x, sizeof x) || !bytes_read(object, "y", y, sizeof y))
		return ERR_INVALID_FIELD;
	return public_key_p256(x, y, &key->public_key);
}

static enum err read_ed25519(const json_t *object, struct jwk *key)
{
	return bytes_read(object, "x", key->ed25519, sizeof key->ed25519) ? ERR_OK
									  : ERR_INVALID_FIELD;
}

/* What a type of key can do, in the order in which it is tried where a key names no algorithm.
 * There is no row for "oct": secrets are never published. */
static const struct type {
	const char *kty, *crv;
	enum jws_alg alg;
	enum err (*read)(const json_t *object, struct jwk *key);
} types[] = {{"RSA", "", JWS_RS256, read_rsa}, {"RSA", "", JWS_PS256, read_rsa},
	{"EC", "P-256", JWS_ES256, read_p256}, {"OKP", "Ed25519", JWS_EDDSA, read_ed25519}};

static const struct type *type_of(const json_t *object, jwk_algs algs)
{
	const char *alg = text_of(object, "alg");

	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		const struct type *t = &types[i];

		if (strcmp(text_of(object, "kty"), t->kty) == 0 &&
			strcmp(text_of(object, "crv"), t->crv) == 0 && (algs & JWK_ALG(t->alg)) &&
			(!*alg || strcmp(alg, jws_alg_text(t->alg)) == 0))
			return t;
	}
	return NULL;
}

/* ---- a key ---- */

static bool kid_fits(const char *kid)
{
	size_t len = strlen(kid);

	return len > 0 && len <= JWS_KID_MAX;
}

/* RFC 7517, 4.3: what it is for, where it says so. */
static bool ops_fit(const json_t *object)
{
	const json_t *ops = json_object_get(object, "key_ops");

	for (size_t i = 0; i < json_array_size(ops); i++)
		if (json_is_string(json_array_get(ops, i)) &&
			strcmp(json_string_value(json_array_get(ops, i)), "verify") == 0)
			return true;
	return !ops;
}

enum err jwk_read(const json_t *object, jwk_algs algs, struct jwk *ret_key)
{
	const struct type *type = type_of(object, algs);
	const char *kid = text_of(object, "kid"), *use = text_of(object, "use");
	struct jwk key = {0};
	enum err e;

	if (!type || !kid_fits(kid) || (*use && strcmp(use, "sig") != 0) || !ops_fit(object))
		return ERR_NOT_FOUND;
	(void)memcpy(key.kid, kid, strlen(kid) + 1);
	key.alg = type->alg;
	e = type->read(object, &key);
	if (!e)
		*ret_key = key;
	return e;
}

enum err jwk_secret(const char *kid, const void *secret, size_t len, struct jwk *ret_key)
{
	struct jwk key = {.alg = JWS_HS256, .secret_len = len};

	if (len < JWK_SECRET_MIN || len > JWK_SECRET_MAX || !kid_fits(kid))
		return ERR_INVALID_FIELD;
	memcpy(key.kid, kid, strlen(kid) + 1);
	memcpy(key.secret, secret, len);
	*ret_key = key;
	digest_wipe(&key, sizeof key);
	return ERR_OK;
}

void jwk_clear(struct jwk *key)
{
	public_key_free(key->public_key);
	digest_wipe(key, sizeof *key);
}

/* ---- verifying ---- */

static struct public_key_number signed_of(const struct jws *jws)
{
	return (struct public_key_number){(const uint8_t *)jws->signed_text, jws->signed_len};
}

static struct public_key_number signature_of(const struct jws *jws)
{
	return (struct public_key_number){jws->signature, jws->signature_len};
}

static bool verify_eddsa(const struct jwk *key, const struct jws *jws)
{
	return jws->signature_len == ED25519_SIGNATURE &&
	       ed25519_verify(key->ed25519, jws->signed_text, jws->signed_len, jws->signature);
}

static bool verify_es256(const struct jwk *key, const struct jws *jws)
{
	return public_key_verify(
		key->public_key, PUBLIC_KEY_ECDSA, signed_of(jws), signature_of(jws));
}

static bool verify_rs256(const struct jwk *key, const struct jws *jws)
{
	return public_key_verify(
		key->public_key, PUBLIC_KEY_PKCS1, signed_of(jws), signature_of(jws));
}

static bool verify_ps256(const struct jwk *key, const struct jws *jws)
{
	return public_key_verify(
		key->public_key, PUBLIC_KEY_PSS, signed_of(jws), signature_of(jws));
}

static bool verify_hs256(const struct jwk *key, const struct jws *jws)
{
	const struct digest_part part = {jws->signed_text, jws->signed_len};
	uint8_t mac[DIGEST_SIZE];

	digest_hmac(key->secret, key->secret_len, &part, 1, mac);
	return jws->signature_len == sizeof mac && digest_equal(mac, jws->signature, sizeof mac);
}

static bool (*const verifiers[])(const struct jwk *key, const struct jws *jws) = {
	[JWS_EDDSA] = verify_eddsa,
	[JWS_ES256] = verify_es256,
	[JWS_RS256] = verify_rs256,
	[JWS_PS256] = verify_ps256,
	[JWS_HS256] = verify_hs256,
};

bool jwk_verify(const struct jwk *key, const struct jws *jws)
{
	return key->alg == jws->alg && verifiers[key->alg](key, jws);
}

/* ---- a set ---- */

static bool is_ambiguous(const json_t *keys, size_t at)
{
	const char *kid = text_of(json_array_get(keys, at), "kid");

	for (size_t i = 0; i < json_array_size(keys); i++)
		if (i != at && strcmp(text_of(json_array_get(keys, i), "kid"), kid) == 0)
			return true;
	return false;
}

static enum err set_fill(struct jwk_set *set, const json_t *keys, jwk_algs algs)
{
	enum err e = ERR_OK;

	for (size_t i = 0; e != ERR_NOMEM && i < json_array_size(keys); i++) {
		if (is_ambiguous(keys, i))
			continue;
		e = jwk_read(json_array_get(keys, i), algs, &set->keys[set->n]);
		if (!e)
			set->n++;
	}
	return e == ERR_NOMEM ? e : ERR_OK;
}

enum err jwk_set_read(const char *bytes, size_t len, jwk_algs algs, struct jwk_set **ret_set)
{
	struct problems p = {0};
	struct jwk_set *set = NULL;
	json_t *root = NULL, *keys;
	enum err e;

	if (len > JWK_SET_BYTES_MAX)
		return ERR_TOO_LARGE;
	e = json_read(bytes, len, JWS_DEPTH_MAX, &p, &root);
	keys = json_object_get(root, "keys");
	if (e != ERR_NOMEM && !json_is_array(keys))
		e = ERR_INVALID_JSON;
	if (!e && json_array_size(keys) > JWK_SET_MAX)
		e = ERR_TOO_LARGE;
	if (!e) {
		set = calloc(1, sizeof *set + json_array_size(keys) * sizeof *set->keys);
		e = set ? ERR_OK : ERR_NOMEM;
	}
	if (!e) {
		set->holders = 1;
		e = set_fill(set, keys, algs);
	}
	json_decref(root);
	if (e)
		jwk_set_release(set);
	else
		*ret_set = set;
	return e;
}

struct jwk_set *jwk_set_hold(struct jwk_set *set)
{
	set->holders++;
	return set;
}

void jwk_set_release(struct jwk_set *set)
{
	if (!set || atomic_fetch_sub(&set->holders, 1) > 1)
		return;
	for (size_t i = 0; i < set->n; i++)
		jwk_clear(&set->keys[i]);
	free(set);
}

const struct jwk *jwk_set_find(const struct jwk_set *set, const char *kid)
{
	for (size_t i = 0; set && i < set->n; i++)
		if (strcmp(set->keys[i].kid, kid) == 0)
			return &set->keys[i];
	return NULL;
}
