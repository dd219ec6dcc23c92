/* proof_file.h - the proof that one audit row is in the tree, in a file of its own.
 *
 * The form is C2SP tlog-proof: what it is, the row (as the extra data), its index,
 * the hashes from the leaf to the root in base 64, and the checkpoint.
 *
 *   c2sp.org/tlog-proof@v1
 *   extra <base 64 of the row>
 *   index 1234
 *   <base 64>
 *   ...
 *
 *   <checkpoint>
 *
 * Threads: one.  Memory: borrowed. */
#ifndef CLI_PROOF_FILE_H
#define CLI_PROOF_FILE_H

#include "call.h"

#include "domain/checkpoint.h"

enum { PROOF_FILE_MAX = 64 << 10 };

struct proof_file {
	uint64_t index;
	const char *line; /* the row as it was hashed */
	size_t len;
	struct merkle_proof path;
	const char *note;
};
enum outcome proof_file_save(
	const struct call *call, const struct proof_file *proof, const char *path);

/* Does the file begin like one? */
bool proof_file_is(const char *path);
/* Checks the call's first argument and shows the row. */
enum outcome proof_file_verify(
	const struct call *call, const struct checkpoint_key *keys, size_t keys_n);

#endif
