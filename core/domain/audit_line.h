/* audit_line.h - an audit row as the one line that is hashed, exported and archived.
 *
 * Columns are parted by tabs, ids are written as everywhere (job_..., key_...), what
 * is not there is "-". The line alone, without its end, is the entry of a leaf: with
 * the tools of any system, printf '\0%s' "$line" | sha256sum. The columns are an
 * allow-list: who (a pseudonym), whose, what, to which object, with which credential,
 * from where (a pseudonym), in which request, how it ended and why (codes).
 *
 * Threads: pure.  Memory: the caller's array. */
#ifndef DOMAIN_AUDIT_LINE_H
#define DOMAIN_AUDIT_LINE_H

#include "ground/id.h"

#include <stddef.h>
#include <stdint.h>

#define AUDIT_COLUMNS                                                                           \
	"at\ttenant\tkind\tactor\tsource\tcredential\trequest\taction\tobject\toutcome\treason" \
	"\tcount"

/* Zero ids and empty words are "-". */
struct audit_row {
	int64_t at_us;
	struct id tenant, actor, source, credential, request, object;
	const char *kind; /* key, operator, user, worker, leader, cli */
	const char *action, *outcome, *reason;
	int64_t count;
};

/* One byte is kept free in front, for the leaf's prefix (merkle.h). */
enum { AUDIT_LINE_MAX = 768 };
/* Writes the free byte, the line and a NUL; returns the length without the NUL. A byte that no word
 * of ours has is written as "?": nothing breaks a line in two. */
size_t audit_line_write(const struct audit_row *row, uint8_t out[AUDIT_LINE_MAX]);

#endif
