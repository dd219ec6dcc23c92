#include "domain/merkle.h"

#include <string.h>

enum { LEAF = 0x00, NODE = 0x01 };

struct merkle_hash merkle_leaf(uint8_t *entry, size_t len)
{
	struct merkle_hash hash = {{0}};

	entry[0] = LEAF;
	digest_sha256(entry, len, hash.bytes);
	return hash;
}

struct merkle_hash merkle_node(const struct merkle_hash *left, const struct merkle_hash *right)
{
	uint8_t both[1 + 2 * DIGEST_SIZE];
	struct merkle_hash hash = {{0}};

	both[0] = NODE;
	memcpy(both + 1, left->bytes, DIGEST_SIZE);
	memcpy(both + 1 + DIGEST_SIZE, right->bytes, DIGEST_SIZE);
	digest_sha256(both, sizeof both, hash.bytes);
	return hash;
}

/* Hashes of public things: no secret to leak by the time taken. */
bool merkle_equal(const struct merkle_hash *a, const struct merkle_hash *b)
{
	return memcmp(a->bytes, b->bytes, DIGEST_SIZE) == 0;
}

/* ---- the frontier ---- */

size_t merkle_peaks(uint64_t size)
{
	return (size_t)__builtin_popcountll(size);
}

/* As adding one to a binary number: every trailing one is carried into the next place. */
void merkle_append(struct merkle_frontier *f, const struct merkle_hash *leaf)
{
	struct merkle_hash hash = *leaf;
	size_t n = merkle_peaks(f->size);

	for (uint64_t carry = f->size; carry & 1; carry >>= 1)
		hash = merkle_node(&f->peaks[--n], &hash);
	f->peaks[n] = hash;
	f->size++;
}

struct merkle_hash merkle_root(const struct merkle_frontier *f)
{
	size_t n = merkle_peaks(f->size);
	struct merkle_hash root = {{0}};

	if (n == 0) {
		digest_sha256("", 0, root.bytes);
		return root;
	}
	root = f->peaks[--n];
	while (n > 0)
		root = merkle_node(&f->peaks[--n], &root);
	return root;
}

/* ---- proofs, made from all leaves ---- */

/* The largest power of two below n, for n > 1. */
static size_t split_of(size_t n)
{
	return (size_t)1 << (63 - __builtin_clzll((unsigned long long)n - 1));
}

static struct merkle_hash range_root(const struct merkle_hash *leaves, size_t n)
{
	struct merkle_frontier f = {.size = 0};

	for (size_t i = 0; i < n; i++)
		merkle_append(&f, &leaves[i]);
	return merkle_root(&f);
}

/* The path is found from the root down and told from the leaf up. */
static void turn_around(struct merkle_proof *proof)
{
	for (size_t i = 0; i < proof->n / 2; i++) {
		const struct merkle_hash other = proof->path[i];

		proof->path[i] = proof->path[proof->n - 1 - i];
		proof->path[proof->n - 1 - i] = other;
	}
}

bool merkle_inclusion(
	const struct merkle_hash *leaves, size_t n, size_t index, struct merkle_proof *ret_proof)
{
	if (index >= n)
		return false;
	ret_proof->n = 0;
	while (n > 1) {
		const size_t k = split_of(n);
		const bool right = index >= k;

		ret_proof->path[ret_proof->n++] =
			right ? range_root(leaves, k) : range_root(leaves + k, n - k);
		leaves += right ? k : 0;
		index -= right ? k : 0;
		n = right ? n - k : k;
	}
	turn_around(ret_proof);
	return true;
}

/* RFC 6962, 2.1.2: down to the subtree that the old tree ends with; it is told only when it is not
 * the old tree itself. */
bool merkle_consistency(
	const struct merkle_hash *leaves, size_t n, size_t old, struct merkle_proof *ret_proof)
{
	bool whole = true;

	if (old > n)
		return false;
	ret_proof->n = 0;
	while (old > 0 && old < n) {
		const size_t k = split_of(n);
		const bool right = old > k;

		ret_proof->path[ret_proof->n++] =
			right ? range_root(leaves, k) : range_root(leaves + k, n - k);
		whole = whole && !right;
		leaves += right ? k : 0;
		old -= right ? k : 0;
		n = right ? n - k : k;
	}
	if (!whole)
		ret_proof->path[ret_proof->n++] = range_root(leaves, n);
	turn_around(ret_proof);
	return true;
}

/* ---- proofs, believed or not ---- */

bool merkle_included(const struct merkle_hash *leaf, uint64_t index, uint64_t size,
	const struct merkle_proof *proof, const struct merkle_hash *root)
{
	uint64_t at = index, last = size - 1;
	struct merkle_hash hash = *leaf;

	if (index >= size)
		return false;
	for (size_t i = 0; i < proof->n; i++) {
		if (last == 0)
			return false;
		if ((at & 1) || at == last) {
			hash = merkle_node(&proof->path[i], &hash);
			for (; !(at & 1) && at; at >>= 1)
				last >>= 1;
		} else {
			hash = merkle_node(&hash, &proof->path[i]);
		}
		at >>= 1;
		last >>= 1;
	}
	return last == 0 && merkle_equal(&hash, root);
}

/* Both roots are computed from the same path; the old one from the parts that it has. */
static bool both_match(const struct merkle_tree *older, const struct merkle_tree *newer,
	const struct merkle_hash *path, size_t n)
{
	uint64_t at = older->size - 1, last = newer->size - 1;
	struct merkle_hash old_root, new_root;

	for (; at & 1; at >>= 1)
		last >>= 1;
	old_root = new_root = path[0];
	for (size_t i = 1; i < n; i++) {
		if (last == 0)
			return false;
		if ((at & 1) || at == last) {
			old_root = merkle_node(&path[i], &old_root);
			new_root = merkle_node(&path[i], &new_root);
			for (; !(at & 1) && at; at >>= 1)
				last >>= 1;
		} else {
			new_root = merkle_node(&new_root, &path[i]);
		}
		at >>= 1;
		last >>= 1;
	}
	return last == 0 && merkle_equal(&old_root, &older->root) &&
	       merkle_equal(&new_root, &newer->root);
}

bool merkle_consistent(const struct merkle_tree *older, const struct merkle_tree *newer,
	const struct merkle_proof *proof)
{
	struct merkle_hash path[MERKLE_PROOF_MAX + 1];
	size_t n = 0;

	if (older->size > newer->size || proof->n > MERKLE_PROOF_MAX)
		return false;
	if (older->size == newer->size)
		return proof->n == 0 && merkle_equal(&older->root, &newer->root);
	if (older->size == 0)
		return proof->n == 0;
	if ((older->size & (older->size - 1)) == 0) /* a perfect tree is its own first subtree */
		path[n++] = older->root;
	memcpy(path + n, proof->path, proof->n * sizeof *path);
	n += proof->n;
	return n > 0 && both_match(older, newer, path, n);
}
