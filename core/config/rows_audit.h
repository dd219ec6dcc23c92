/* rows_audit.h - how the audit proves itself. The shape of a row is in rows.h.
 *
 * Threads: constants. */
#ifndef CONFIG_ROWS_AUDIT_H
#define CONFIG_ROWS_AUDIT_H

/* clang-format off */
#define CONFIG_AUDIT(X)                                                                            \
	X(TEXT, log, "longhaul.audit", 1, 64, "", FIXED,                                           \
	  "this installation's name in its checkpoints; of its own, and never another")            \
	X(SECRET, signing_key_file, "", 0, 4000, "", FIXED,                                        \
	  "file with the seed that signs checkpoints, 32 bytes in base 64; empty = none are signed") \
	X(PATH, checkpoint_dir, "", 0, 4000, "", FIXED,                                            \
	  "folder that each checkpoint is written to as well, best on another machine's disk; "    \
	  "empty = none")                                                                          \
	X(INT, checkpoint_ms, "60000", 100, 3600000, "ms", LIVE,                                   \
	  "a new row is signed after this at the latest, and after 1000 rows in any case")         \
	X(INT, refusals_ms, "60000", 100, 3600000, "ms", LIVE,                                     \
	  "refused calls (401, 403) are counted for so long, then written, a row for each actor, " \
	  "address and permission")                                                                \
	X(SECRET, pseudonym_key_file, "", 0, 4000, "", FIXED,                                      \
	  "file with the key that turns persons and addresses into pseudonyms, 32 bytes in base "  \
	  "64, the same for all producers; empty = a key that anybody can guess")                  \
	X(PATH, archive_dir, "", 0, 4000, "", FIXED,                                               \
	  "folder for a compressed file of each day, with its proofs; empty = none")
/* clang-format on */

#endif
