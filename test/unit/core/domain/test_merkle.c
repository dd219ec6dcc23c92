/* The tree has RFC 6962's structure; its proofs convince, and only of what is so. */
#include "domain/merkle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TREES = 130 };

static struct merkle_hash leaf_of(const void *bytes, size_t len)
{
	uint8_t entry[64];

	memcpy(entry + 1, bytes, len);
	return merkle_leaf(entry, len + 1);
}

static void leaves_make(struct merkle_hash *leaves, size_t n)
{
	for (size_t i = 0; i < n; i++)
		leaves[i] = leaf_of(&i, sizeof i);
}

/* MTH of RFC 6962, 2.1, word by word. */
static struct merkle_hash by_definition(const struct merkle_hash *leaves, size_t n)
{
	struct merkle_hash left, right, root;
	size_t k = 1;

	if (n == 0) {
		digest_sha256("", 0, root.bytes);
		return root;
	}
	if (n == 1)
		return leaves[0];
	while (2 * k < n)
		k *= 2;
	left = by_definition(leaves, k);
	right = by_definition(leaves + k, n - k);
	return merkle_node(&left, &right);
}

static void expect_hash(const struct merkle_hash *hash, const char *hex)
{
	char text[DIGEST_HEX_MAX];

	digest_hex(hash->bytes, sizeof hash->bytes, text);
	assert_string_equal(text, hex);
}

/* The entries and roots that Certificate Transparency's implementations test each other by. */
static void test_known_trees_have_their_known_roots(void **state)
{
	static const struct {
		const char *entry;
		size_t len;
		const char *root;
	} steps[] = {
		{"", 0, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
		{"\x00", 1, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
		{"\x10", 1, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
		{"\x20\x21", 2, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
		{"\x30\x31", 2, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
		{"\x40\x41\x42\x43", 4,
			"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
		{"\x50\x51\x52\x53\x54\x55\x56\x57", 8,
			"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
		{"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16,
			"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
	};
	struct merkle_frontier f = {.size = 0};
	struct merkle_hash root = merkle_root(&f);

	expect_hash(&root, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		const struct merkle_hash leaf = leaf_of(steps[i].entry, steps[i].len);

		merkle_append(&f, &leaf);
		root = merkle_root(&f);
		expect_hash(&root, steps[i].root);
	}
}

static void test_a_frontier_has_the_root_of_the_definition(void **state)
{
	struct merkle_hash leaves[TREES];
	struct merkle_frontier f = {.size = 0};

	leaves_make(leaves, TREES);
	for (size_t n = 0; n < TREES; n++) {
		const struct merkle_hash expected = by_definition(leaves, n),
					 root = merkle_root(&f);

		assert_true(merkle_equal(&root, &expected));
		merkle_append(&f, &leaves[n]);
	}
}

static void test_inclusion_is_proved_of_every_leaf_and_of_no_other(void **state)
{
	struct merkle_hash leaves[TREES];
	struct merkle_proof proof;

	leaves_make(leaves, TREES);
	for (size_t n = 1; n < TREES; n += 1 + n / 16) {
		const struct merkle_hash root = by_definition(leaves, n);

		for (size_t i = 0; i < n; i++) {
			assert_true(merkle_inclusion(leaves, n, i, &proof));
			assert_true(merkle_included(&leaves[i], i, n, &proof, &root));
			assert_false(
				merkle_included(&leaves[(i + 1) % TREES], i, n, &proof, &root));
			assert_false(merkle_included(&leaves[i], i + n, n, &proof, &root));
			if (n > 1) {
				assert_false(
					merkle_included(&leaves[i], (i + 1) % n, n, &proof, &root));
				proof.path[proof.n / 2].bytes[7] ^= 1;
				assert_false(merkle_included(&leaves[i], i, n, &proof, &root));
			}
		}
		assert_false(merkle_inclusion(leaves, n, n, &proof));
	}
}

static void test_consistency_is_proved_of_every_beginning_and_of_nothing_else(void **state)
{
	struct merkle_hash leaves[TREES];
	struct merkle_proof proof;

	leaves_make(leaves, TREES);
	for (size_t n = 0; n < TREES; n += 1 + n / 16)
		for (size_t m = 0; m <= n; m++) {
			struct merkle_tree older = {m, by_definition(leaves, m)},
					   newer = {n, by_definition(leaves, n)};

			assert_true(merkle_consistency(leaves, n, m, &proof));
			assert_true(merkle_consistent(&older, &newer, &proof));
			if (m == 0)
				continue;
			older.root.bytes[3] ^= 1;
			assert_false(merkle_consistent(&older, &newer, &proof));
			older.root.bytes[3] ^= 1;
			newer.root.bytes[3] ^= 1;
			assert_false(merkle_consistent(&older, &newer, &proof));
			newer.root.bytes[3] ^= 1;
			if (proof.n > 0)
				proof.path[proof.n - 1].bytes[0] ^= 1;
			else
				proof.n = 1;
			assert_false(merkle_consistent(&older, &newer, &proof));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_trees_have_their_known_roots),
		cmocka_unit_test(test_a_frontier_has_the_root_of_the_definition),
		cmocka_unit_test(test_inclusion_is_proved_of_every_leaf_and_of_no_other),
		cmocka_unit_test(test_consistency_is_proved_of_every_beginning_and_of_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
