/* files.h - how many files this process may have open: each connection is one.
 *
 * Threads: at the start. */
#ifndef GROUND_FILES_H
#define GROUND_FILES_H

#include <stddef.h>

/* Raises the soft limit to need, as far as the hard limit lets it, and says how many may be open
 * now: more than need when it was higher already. */
size_t files_raise(size_t need);

#endif
