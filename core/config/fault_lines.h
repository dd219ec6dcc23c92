/* fault_lines.h - mistakes in the order of the file.
 *
 * They are found section by section, as the table has them; who mends a file goes through
 * it from the top.
 *
 * Threads: any.  Memory: the caller's. */
#ifndef CONFIG_FAULT_LINES_H
#define CONFIG_FAULT_LINES_H

#include "ground/buf.h"

/* Orders the lines "name:line:column: ..." behind offset from by line, then column; those of one
 * place keep their order. ERR_NOMEM: they stay as they are. */
MUST_CHECK enum err fault_lines_sort(struct buf *faults, size_t from, size_t name_len);

#endif
