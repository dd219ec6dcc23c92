/* merkle.h - the tree of RFC 6962 (section 2.1): a log that cannot be changed behind one's back.
 *
 * A leaf is SHA-256(0x00 || entry), a node SHA-256(0x01 || left || right); the left
 * half of n leaves is the largest power of two below n. The root of n leaves says
 * all of them and their order. Two short proofs follow from it: that an entry is in
 * the tree (inclusion), and that an older tree is the beginning of a newer one
 * (consistency).
 *
 * A frontier is all that must be kept to append: the roots of the perfect subtrees
 * from left to right, one for each bit of the size.
 *
 * Threads: pure.  Memory: the caller's arrays. */
#ifndef DOMAIN_MERKLE_H
#define DOMAIN_MERKLE_H

#include "ground/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MERKLE_DEPTH_MAX = 64, MERKLE_PROOF_MAX = 2 * MERKLE_DEPTH_MAX };

struct merkle_hash {
	uint8_t bytes[DIGEST_SIZE];
};

struct merkle_frontier {
	uint64_t size;
	struct merkle_hash peaks[MERKLE_DEPTH_MAX]; /* the largest subtree first */
};

struct merkle_proof {
	size_t n;
	struct merkle_hash path[MERKLE_PROOF_MAX];
};

/* entry has room for one byte in front of it: entry[0] is overwritten by the leaf's prefix and
 * entry + 1 is the text of len - 1 bytes. One pass over it, no copy. */
struct merkle_hash merkle_leaf(uint8_t *entry, size_t len);
struct merkle_hash merkle_node(const struct merkle_hash *left, const struct merkle_hash *right);
bool merkle_equal(const struct merkle_hash *a, const struct merkle_hash *b);

/* How many peaks a tree of this size has. */
size_t merkle_peaks(uint64_t size);
void merkle_append(struct merkle_frontier *f, const struct merkle_hash *leaf);
/* RFC 6962: the root of no leaves is SHA-256 of nothing. */
struct merkle_hash merkle_root(const struct merkle_frontier *f);

/* From all leaves of a tree of n. False when index or old is beyond it. */
bool merkle_inclusion(
	const struct merkle_hash *leaves, size_t n, size_t index, struct merkle_proof *ret_proof);
bool merkle_consistency(
	const struct merkle_hash *leaves, size_t n, size_t old, struct merkle_proof *ret_proof);
/* RFC 9162, 2.1.3.2 and 2.1.4.2: what a proof says, without any leaf but the one in question. */
bool merkle_included(const struct merkle_hash *leaf, uint64_t index, uint64_t size,
	const struct merkle_proof *proof, const struct merkle_hash *root);
struct merkle_tree {
	uint64_t size;
	struct merkle_hash root;
};
bool merkle_consistent(const struct merkle_tree *older, const struct merkle_tree *newer,
	const struct merkle_proof *proof);

#endif
