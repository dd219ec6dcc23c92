/* bench_token.c - what it costs to know who somebody is, in CPU time of one thread.
 *
 *   bench_token [rounds [revocations]]
 *
 * us: a token of ours from its text to its claims, signature included, as it is done
 * once for each token and generation. cached_us: the same token again, its digest and
 * its place in the cache. judge_us: a caller against a list of so many revocations,
 * as it is done with each request. sign_us: making one. Prints one JSON line. */
#include "access/keys.h"
#include "access/known.h"
#include "ground/digest.h"
#include "identity/jwk.h"
#include "identity/revocation.h"
#include "identity/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 20000, REVOCATIONS = 100000, NOW_S = 1800000000 };

struct bench {
	struct token_key key;
	struct token_grant grant;
	struct jwk jwk;
	struct buf text;
	struct known *known;
	struct revocations *list;
	struct revocation_facts facts;
};

static void check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "%s failed\n", what);
	exit(1);
}

static double cpu_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void sign(struct bench *b)
{
	buf_reset(&b->text);
	check(token_sign(&b->grant, &b->key, &b->text) == ERR_OK, "signing");
}

static void authenticate(struct bench *b)
{
	struct token_extra extra;
	struct claims claims;
	struct jws jws;

	check(jws_read(b->text.bytes, b->text.len, &jws) == FAULT_NONE, "reading");
	check(jws_payload_read(&jws) == FAULT_NONE, "the payload");
	check(claims_read(jws.payload, &claims) == FAULT_NONE, "the claims");
	check(jwk_verify(&b->jwk, &jws), "verifying");
	check(claims_judge(&claims, "longhaul", NOW_S) == FAULT_NONE, "judging");
	check(token_extra_read(jws.payload, &extra) == FAULT_NONE, "the rest");
	jws_clear(&jws);
}

static void look_up(struct bench *b)
{
	uint8_t hash[DIGEST_SIZE];
	struct caller caller = {0};

	digest_sha256(b->text.bytes, b->text.len, hash);
	check(known_get(b->known, hash, (struct known_age){KEYS_TTL_MS, 1}, &caller) != KNOWN_NOT,
		"looking up");
	caller_clear(&caller);
}

static void judge(struct bench *b)
{
	check(!revocations_deny(b->list, &b->facts), "the list");
}

static double each_us(struct bench *b, void (*run)(struct bench *b), long rounds)
{
	double from = cpu_us();

	for (long i = 0; i < rounds; i++)
		run(b);
	return (cpu_us() - from) / (double)rounds;
}

static void fill(struct bench *b, long revocations)
{
	uint8_t hash[DIGEST_SIZE];
	const struct caller caller = {.kind = CALLER_TOKEN, .principal = id_new(0)};

	b->grant = (struct token_grant){.issuer = "longhaul",
		.audience = "longhaul",
		.jti = id_new(0),
		.tenant = id_new(0),
		.sub = "key_01h455vb4pex5vsknk084sn02q",
		.scope = "job:read job:submit",
		.key = id_new(0),
		.issued_s = NOW_S,
		.expires_s = NOW_S + 600};
	ed25519_new(b->key.secret, b->key.public_key);
	b->jwk.alg = JWS_EDDSA;
	memcpy(b->jwk.ed25519, b->key.public_key, sizeof b->jwk.ed25519);
	buf_init(&b->text, JWS_BYTES_MAX);
	sign(b);
	check(known_new(&b->known) == ERR_OK && revocations_new(&b->list) == ERR_OK, "memory");
	digest_sha256(b->text.bytes, b->text.len, hash);
	known_put(b->known, hash, 1, &caller);
	for (long i = 0; i < revocations; i++) {
		const struct revocation r = {.kind = REVOCATION_CREDENTIAL,
			.tenant = b->grant.tenant,
			.subject = id_new(0)};

		check(revocations_add(b->list, &r) == ERR_OK, "memory");
	}
	b->facts = (struct revocation_facts){.tenant = b->grant.tenant,
		.principal = caller.principal,
		.credentials = {b->grant.jti, b->grant.key}};
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : ROUNDS;
	struct bench b = {0};
	double us;

	fill(&b, argc > 2 ? strtol(argv[2], NULL, 10) : REVOCATIONS);
	us = each_us(&b, authenticate, rounds);
	printf("{\"us\": %.2f, \"cached_us\": %.2f, \"judge_us\": %.3f, \"sign_us\": %.2f}\n", us,
		each_us(&b, look_up, rounds), each_us(&b, judge, rounds),
		each_us(&b, sign, rounds));
	known_free(b.known);
	revocations_free(b.list);
	buf_clear(&b.text);
	return 0;
}
