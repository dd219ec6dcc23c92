/* audit_file.h - rows and their proofs in one file that needs nothing else to be checked.
 *
 * Text, line by line, written in one pass and read in one, with memory for one line
 * and a frontier:
 *
 *   @audit 1                            what this is
 *   @log longhaul.audit                 whose
 *   @key NAME+ID+BASE64                 a public key that signed, one line each
 *   @first 2000                         position of the first row
 *   @peak BASE64                        the tree's frontier before it, the largest first
 *   @columns at<TAB>tenant<TAB>...      of a row
 *   # longhaul.audit                    a checkpoint (checkpoint.h), each line behind "# ";
 *   # 2000                              it stands behind the last row that it counts
 *   2000<TAB>BASE64<TAB>row             position, leaf hash, the row as it was hashed
 *   @end 3000                           the file is whole; rows before it
 *
 * The leaf hash was made when the row got its place. Where the record has no such row
 * any more its line ends behind the hash; a row that has no place has "-" for a hash.
 * audit_check.h reads it.
 *
 * Threads: pure.  Memory: buffers of the caller. */
#ifndef DOMAIN_AUDIT_FILE_H
#define DOMAIN_AUDIT_FILE_H

#include "domain/audit_line.h"
#include "domain/merkle.h"
#include "ground/buf.h"

/* Each appends its lines. ERR_NOMEM, ERR_TOO_LARGE of out. */

struct audit_file_head {
	const char *log;
	const struct merkle_frontier *before; /* the tree before the first row */
	const char *const *keys;	      /* as checkpoint_key_format writes them */
	size_t keys_n;
};
MUST_CHECK enum err audit_file_head(const struct audit_file_head *head, struct buf *out);
/* Rows that got their places together. There are more or fewer rows than hashes when somebody was
 * at the record: they are told as they are. */
struct audit_page {
	uint64_t position; /* of the first */
	const struct merkle_hash *leaves;
	size_t leaves_n;
	const struct audit_row *rows;
	size_t rows_n;
	const char *note; /* the checkpoint behind the last; "" = none */
};
MUST_CHECK enum err audit_file_page(const struct audit_page *page, struct buf *out);
MUST_CHECK enum err audit_file_note(const char *note, struct buf *out);
MUST_CHECK enum err audit_file_end(uint64_t size, struct buf *out);

#endif
