/* archive.h - each day of the audit goes into a compressed file with its proofs.
 *
 * The file (audit_file.h) is audit-<day>-<first row>-<rows>.gz in audit.archive_dir. It
 * is written beside its name, a few batches a run, synced, renamed, and only then noted
 * in the record; whatever fails in between begins anew. What is written is checked on
 * the way, as `longhaul audit verify` would: a record that was changed behind our back
 * is an error in the log, with its first bad row, once a day and unasked. The file is
 * kept all the same, as evidence.
 *
 * Threads: the scheduler's.  Memory: one struct, one batch. */
#ifndef SCHEDULER_ARCHIVE_H
#define SCHEDULER_ARCHIVE_H

#include "leader.h"

struct archive;

MUST_CHECK enum err archive_new(struct archive **ret_archive);
void archive_free(struct archive *archive);

/* The duty. */
MUST_CHECK enum err archive_run(struct leader *leader, bool *ret_busy);

#endif
