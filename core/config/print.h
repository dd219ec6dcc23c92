/* print.h - the rows as people read them: --help, a sample file, a page of reference.
 *
 * The committed docs/longhaul.sample.yaml and docs/configuration.md are these texts; a test fails
 * when they drift, `make docs` writes them anew.
 *
 * Threads: any. */
#ifndef CONFIG_PRINT_H
#define CONFIG_PRINT_H

#include "ground/buf.h"

/* program: "producer", "worker", "scheduler". */
enum err config_print_help(const char *program, struct buf *out);
enum err config_print_sample(struct buf *out);
enum err config_print_reference(struct buf *out);

#endif
