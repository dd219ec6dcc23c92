#include "ports/public_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

enum { PSS_SALT = 32, POINT = 1 + 2 * PUBLIC_KEY_P256, EXPONENT_BITS_MAX = 32, DER_MAX = 80 };

struct public_key {
	EVP_PKEY *pkey;
	bool rsa;
};

static enum err pkey_make(const char *type, OSSL_PARAM *params, EVP_PKEY **ret_pkey)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;
	enum err e = ctx && params ? ERR_OK : ERR_NOMEM;

	if (!e && (EVP_PKEY_fromdata_init(ctx) != 1 ||
			  EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1))
		e = ERR_INVALID_FIELD;
	EVP_PKEY_CTX_free(ctx);
	if (!e)
		*ret_pkey = pkey;
	return e;
}

static enum err key_wrap(EVP_PKEY *pkey, bool rsa, struct public_key **ret_key)
{
	struct public_key *key = malloc(sizeof *key);

	if (!key) {
		EVP_PKEY_free(pkey);
		return ERR_NOMEM;
	}
	key->pkey = pkey;
	key->rsa = rsa;
	*ret_key = key;
	return ERR_OK;
}

static bool rsa_is_sound(const BIGNUM *n, const BIGNUM *e)
{
	int bits = BN_num_bits(n);

	return bits >= PUBLIC_KEY_RSA_BITS_MIN && bits <= PUBLIC_KEY_RSA_BITS_MAX && BN_is_odd(n) &&
	       BN_is_odd(e) && !BN_is_one(e) && BN_num_bits(e) <= EXPONENT_BITS_MAX;
}

static OSSL_PARAM *rsa_params(const BIGNUM *n, const BIGNUM *e)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;

	if (build && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
		OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1)
		params = OSSL_PARAM_BLD_to_param(build);
	OSSL_PARAM_BLD_free(build);
	return params;
}

enum err public_key_rsa(struct public_key_number modulus, struct public_key_number exponent,
	struct public_key **ret_key)
{
	OSSL_PARAM *params = NULL;
	EVP_PKEY *pkey = NULL;
	BIGNUM *n, *x;
	enum err e = ERR_OK;

	if (modulus.len > PUBLIC_KEY_RSA_BITS_MAX / 8 + 1 || exponent.len > EXPONENT_BITS_MAX / 8)
		return ERR_INVALID_FIELD;
	n = BN_bin2bn(modulus.bytes, (int)modulus.len, NULL);
	x = BN_bin2bn(exponent.bytes, (int)exponent.len, NULL);
	if (!n || !x)
		e = ERR_NOMEM;
	else if (!rsa_is_sound(n, x))
		e = ERR_INVALID_FIELD;
	if (!e) {
		params = rsa_params(n, x);
		e = pkey_make("RSA", params, &pkey);
	}
	OSSL_PARAM_free(params);
	BN_free(n);
	BN_free(x);
	return e ? e : key_wrap(pkey, true, ret_key);
}

static bool point_is_sound(EVP_PKEY *pkey)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	bool sound = ctx && EVP_PKEY_public_check(ctx) == 1;

	EVP_PKEY_CTX_free(ctx);
	return sound;
}

enum err public_key_p256(const uint8_t x[PUBLIC_KEY_P256], const uint8_t y[PUBLIC_KEY_P256],
	struct public_key **ret_key)
{
	uint8_t point[POINT] = {POINT_CONVERSION_UNCOMPRESSED};
	char group[] = "prime256v1";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
		OSSL_PARAM_construct_end()};
	EVP_PKEY *pkey = NULL;
	enum err e;

	memcpy(point + 1, x, PUBLIC_KEY_P256);
	memcpy(point + 1 + PUBLIC_KEY_P256, y, PUBLIC_KEY_P256);
	e = pkey_make("EC", params, &pkey);
	if (!e && !point_is_sound(pkey)) {
		EVP_PKEY_free(pkey);
		e = ERR_INVALID_FIELD;
	}
	return e ? e : key_wrap(pkey, false, ret_key);
}

void public_key_free(struct public_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}

/* The library wants DER. It is built here from two numbers, so nothing that a peer sent is ever
 * read as DER. 0: there is no memory. */
static size_t ecdsa_der(const uint8_t *rs, uint8_t der[DER_MAX])
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(rs, PUBLIC_KEY_P256, NULL);
	BIGNUM *s = BN_bin2bn(rs + PUBLIC_KEY_P256, PUBLIC_KEY_P256, NULL);
	uint8_t *at = der;
	int len = 0;

	if (sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1) {
		r = s = NULL; /* the signature's now */
		len = i2d_ECDSA_SIG(sig, NULL);
		len = len > 0 && len <= DER_MAX ? i2d_ECDSA_SIG(sig, &at) : 0;
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	return len > 0 ? (size_t)len : 0;
}

static bool pss_set(EVP_PKEY_CTX *ctx)
{
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, PSS_SALT) == 1;
}

static bool verify(const struct public_key *key, bool pss, struct public_key_number text,
	struct public_key_number signature)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = NULL; /* md's */
	bool good = md && EVP_DigestVerifyInit(md, &ctx, EVP_sha256(), NULL, key->pkey) == 1 &&
		    (!pss || pss_set(ctx)) &&
		    EVP_DigestVerify(md, signature.bytes, signature.len, text.bytes, text.len) == 1;

	EVP_MD_CTX_free(md);
	return good;
}

bool public_key_verify(const struct public_key *key, enum public_key_scheme scheme,
	struct public_key_number text, struct public_key_number signature)
{
	uint8_t der[DER_MAX];

	if (key->rsa != (scheme != PUBLIC_KEY_ECDSA))
		return false;
	if (key->rsa)
		return verify(key, scheme == PUBLIC_KEY_PSS, text, signature);
	if (signature.len != 2 * PUBLIC_KEY_P256)
		return false;
	signature.len = ecdsa_der(signature.bytes, der);
	signature.bytes = der;
	return signature.len > 0 && verify(key, false, text, signature);
}
