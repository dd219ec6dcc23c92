/* Who is shut out, and who is not: each kind against what it names and its neighbours. */
#include "identity/revocation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MANY = 5000, BEFORE = 1000 };

static struct id number(unsigned n)
{
	struct id id = {{0}};

	id.bytes[15] = (uint8_t)n;
	id.bytes[14] = (uint8_t)(n >> 8);
	id.bytes[0] = 1;
	return id;
}

static struct revocation_facts facts(void)
{
	struct revocation_facts f = {.tenant = number(1),
		.principal = number(2),
		.credentials = {number(3), number(4), number(5)},
		.sources = {number(6), number(7)},
		.issued_ms = BEFORE - 1};

	memcpy(f.address, (uint8_t[16]){[10] = 0xff, 0xff, 10, 1, 2, 3}, sizeof(f.address));
	return f;
}

static bool denied(const struct revocation *r, const struct revocation_facts *f)
{
	struct revocations *list;
	bool deny;

	assert_int_equal(revocations_new(&list), ERR_OK);
	assert_int_equal(revocations_add(list, r), ERR_OK);
	deny = revocations_deny(list, f);
	revocations_free(list);
	return deny;
}

static struct revocation network(const char *text, struct id tenant)
{
	struct revocation r = {.kind = REVOCATION_NETWORK, .tenant = tenant, .before_ms = BEFORE};

	assert_true(egress_net_parse(text, &r.network));
	return r;
}

/* promises: S1.1 */
static void test_each_kind_shuts_out_what_it_names(void **state)
{
	const struct id mine = number(1), zero = {{0}};
	const struct {
		struct revocation r;
		bool denies;
	} rows[] = {
		{{REVOCATION_CREDENTIAL, mine, number(3), {{0}, 0}, 0, 0, false, false}, true},
		{{REVOCATION_CREDENTIAL, mine, number(5), {{0}, 0}, 0, 0, false, false}, true},
		{{REVOCATION_CREDENTIAL, mine, number(7), {{0}, 0}, 0, 0, false, false}, true},
		{{REVOCATION_CREDENTIAL, number(9), number(7), {{0}, 0}, 0, 0, false, false},
			false},
		{{REVOCATION_CREDENTIAL, mine, number(2), {{0}, 0}, 0, 0, false, false}, false},
		{{REVOCATION_CREDENTIAL, number(9), number(3), {{0}, 0}, 0, 0, false, false},
			false},
		{{REVOCATION_USER, mine, number(2), {{0}, 0}, BEFORE, 0, false, false}, true},
		{{REVOCATION_USER, mine, number(2), {{0}, 0}, BEFORE - 1, 0, false, false}, false},
		{{REVOCATION_USER, mine, number(7), {{0}, 0}, BEFORE, 0, false, false}, false},
		{{REVOCATION_USER, mine, number(3), {{0}, 0}, BEFORE, 0, false, false}, false},
		{{REVOCATION_USER, number(9), number(2), {{0}, 0}, BEFORE, 0, false, false}, false},
		{{REVOCATION_TENANT, mine, zero, {{0}, 0}, BEFORE, 0, false, false}, true},
		{{REVOCATION_TENANT, mine, zero, {{0}, 0}, BEFORE - 1, 0, false, false}, false},
		{{REVOCATION_TENANT, number(9), zero, {{0}, 0}, BEFORE, 0, false, false}, false},
		{network("10.1.0.0/16", mine), true},
		{network("10.1.2.3", mine), true},
		{network("10.2.0.0/16", mine), false},
		{network("::/0", mine), true},
		{network("2000::/3", mine), false},
		{network("10.1.0.0/16", number(9)), false},
		{network("10.1.0.0/16", zero), true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct revocation_facts f = facts();

		if (denied(&rows[i].r, &f) != rows[i].denies)
			fail_msg("row %zu", i);
		f.issued_ms = BEFORE;
		if (rows[i].r.kind != REVOCATION_CREDENTIAL && denied(&rows[i].r, &f))
			fail_msg("row %zu shuts out what came later", i);
	}
}

/* promises: S1.1 */
static void test_many_are_found_and_swept(void **state)
{
	struct revocations *list;
	struct revocation_facts f = facts();

	assert_int_equal(revocations_new(&list), ERR_OK);
	for (unsigned i = 0; i < MANY; i++) {
		const struct revocation r = {.kind = REVOCATION_CREDENTIAL,
			.tenant = number(1),
			.subject = number(i),
			.ends_ms = i % 2 ? 100 : 0};

		assert_int_equal(revocations_add(list, &r), ERR_OK);
	}
	assert_int_equal(revocations_n(list), MANY);
	memset(f.sources, 0, sizeof(f.sources));
	for (unsigned i = 0; i < MANY; i++) {
		f.credentials[0] = f.credentials[1] = f.credentials[2] = number(i);
		assert_true(revocations_deny(list, &f));
	}
	revocations_sweep(list, 100);
	assert_int_equal(revocations_n(list), MANY / 2);
	for (unsigned i = 0; i < MANY; i++) {
		f.credentials[0] = f.credentials[1] = f.credentials[2] = number(i);
		assert_int_equal(revocations_deny(list, &f), i % 2 == 0);
	}
	revocations_free(list);
}

static void add(struct revocations *list, enum revocation_kind kind, unsigned tenant,
	unsigned subject, int64_t ends_ms)
{
	const struct revocation r = {.kind = kind,
		.tenant = number(tenant),
		.subject = number(subject),
		.ends_ms = ends_ms};

	assert_int_equal(revocations_add(list, &r), ERR_OK);
}

static void add_key(struct revocations *list, unsigned tenant, unsigned subject, int64_t ends_ms)
{
	const struct revocation r = {.kind = REVOCATION_CREDENTIAL,
		.tenant = number(tenant),
		.subject = number(subject),
		.ends_ms = ends_ms,
		.is_key = true};

	assert_int_equal(revocations_add(list, &r), ERR_OK);
}

static size_t tokens(const struct revocations *list, unsigned tenant)
{
	return revocations_of(list, REVOCATION_TOKENS, number(tenant));
}

static size_t keys(const struct revocations *list, unsigned tenant)
{
	return revocations_of(list, REVOCATION_KEYS, number(tenant));
}

/* A tenant's part of the list is what it has of tokens and keys that run out, each by itself.
 * promises: S1.1 */
static void test_each_tenants_shares_are_counted(void **state)
{
	struct revocations *list;

	assert_int_equal(revocations_new(&list), ERR_OK);
	for (unsigned i = 0; i < 4; i++)
		add(list, REVOCATION_CREDENTIAL, 1, i, i < 2 ? 100 : 200);
	add(list, REVOCATION_CREDENTIAL, 1, 0, 150); /* once more */
	add_key(list, 1, 9, 100);
	add_key(list, 1, 10, 200);
	add(list, REVOCATION_USER, 1, 1, 0);
	add(list, REVOCATION_TENANT, 1, 0, 0);
	add(list, REVOCATION_CREDENTIAL, 2, 1, 100);
	assert_int_equal(tokens(list, 1), 4);
	assert_int_equal(tokens(list, 2), 1);
	assert_int_equal(tokens(list, 3), 0);
	assert_int_equal(keys(list, 1), 2);
	assert_int_equal(keys(list, 2), 0);
	add_key(list, 1, 3, 100); /* what was taken for a token */
	assert_int_equal(tokens(list, 1), 3);
	assert_int_equal(keys(list, 1), 3);
	revocations_sweep(list, 100);
	assert_int_equal(tokens(list, 1), 2);
	assert_int_equal(tokens(list, 2), 0);
	assert_int_equal(keys(list, 1), 1);
	revocations_sweep(list, 1000);
	assert_int_equal(tokens(list, 1), 0);
	assert_int_equal(keys(list, 1), 0);
	assert_int_equal(revocations_of(list, REVOCATION_STANDING, number(1)), 1);
	assert_int_equal(revocations_n(list), 2);
	revocations_free(list);
}

/* What the record tells last counts, the end and the moment. promises: S1.1 */
static void test_the_newest_counts(void **state)
{
	struct revocation r = {
		.kind = REVOCATION_TENANT, .tenant = number(1), .before_ms = 1, .ends_ms = 50};
	struct revocation_facts f = facts();
	struct revocations *list;

	assert_int_equal(revocations_new(&list), ERR_OK);
	assert_int_equal(revocations_add(list, &r), ERR_OK);
	assert_false(revocations_deny(list, &f));
	r.before_ms = BEFORE;
	r.ends_ms = 0;
	assert_int_equal(revocations_add(list, &r), ERR_OK);
	assert_int_equal(revocations_n(list), 1);
	revocations_sweep(list, 1000);
	assert_true(revocations_deny(list, &f));
	revocations_free(list);
}

/* Of two networks the one that is taken back shuts nobody out, nor does a user's entry. promises:
 * S1.1 */
static void test_what_is_taken_back_shuts_nobody_out(void **state)
{
	struct revocation rows[] = {network("10.1.0.0/16", number(1)),
		network("10.1.2.0/24", number(1)), network("10.1.0.0/16", (struct id){{0}}),
		{.kind = REVOCATION_USER,
			.tenant = number(1),
			.subject = number(2),
			.before_ms = BEFORE}};
	const size_t n = sizeof(rows) / sizeof(*rows);
	struct revocation_facts f = facts();
	struct revocations *list;

	assert_int_equal(revocations_new(&list), ERR_OK);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(revocations_add(list, &rows[i]), ERR_OK);
	assert_int_equal(revocations_of(list, REVOCATION_STANDING, number(1)), 3);
	assert_int_equal(revocations_of(list, REVOCATION_STANDING, number(2)), 0);
	for (size_t i = 0; i < n; i++) {
		assert_true(revocations_deny(list, &f));
		rows[i].taken_back = true;
		rows[i].ends_ms = 100;
		assert_int_equal(revocations_add(list, &rows[i]), ERR_OK);
		assert_int_equal(revocations_add(list, &rows[i]), ERR_OK); /* told twice */
		assert_int_equal(revocations_n(list), n);
	}
	assert_false(revocations_deny(list, &f));
	assert_false(revocations_deny_somewhere(list, &f));
	revocations_free(list);
}

static size_t standing(const struct revocations *list)
{
	return revocations_of(list, REVOCATION_STANDING, number(1));
}

/* Rows of the record that stand for nothing are rows. promises: S1.1 */
static void test_who_puts_and_takes_back_fills_his_share(void **state)
{
	struct revocation rows[] = {network("10.1.0.0/16", number(1)),
		network("10.2.0.0/16", number(1)), network("10.3.0.0/16", number(1))};
	const size_t left[] = {2, 2, 3};
	struct revocations *list;

	assert_int_equal(revocations_new(&list), ERR_OK);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(revocations_add(list, &rows[i]), ERR_OK);
		assert_int_equal(standing(list), i + 1);
	}
	/* the first makes room; behind that as many are taken back as stand */
	for (size_t i = 0; i < 3; i++) {
		rows[i].taken_back = true;
		rows[i].ends_ms = 100;
		assert_int_equal(revocations_add(list, &rows[i]), ERR_OK);
		assert_int_equal(standing(list), left[i]);
	}
	rows[0].taken_back = false; /* put anew */
	rows[0].ends_ms = 0;
	assert_int_equal(revocations_add(list, &rows[0]), ERR_OK);
	assert_int_equal(standing(list), 2);
	revocations_sweep(list, 100);
	assert_int_equal(standing(list), 1);
	assert_int_equal(revocations_n(list), 1);
	revocations_free(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_kind_shuts_out_what_it_names),
		cmocka_unit_test(test_many_are_found_and_swept),
		cmocka_unit_test(test_each_tenants_shares_are_counted),
		cmocka_unit_test(test_the_newest_counts),
		cmocka_unit_test(test_what_is_taken_back_shuts_nobody_out),
		cmocka_unit_test(test_who_puts_and_takes_back_fills_his_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
