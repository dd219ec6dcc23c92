/* confine.h - what a program gives up before it does anything: writing to files outside of a few
 * folders, running other programs, and privileges that a file could bring.
 *
 * Landlock (landlock(7), Linux 5.13 and later) and PR_SET_NO_NEW_PRIVS (prctl(2)). Neither can be
 * taken back. Files that are open already stay writable, all may be read: configuration and keys
 * lie where the operator put them. What an older kernel does not know is not held back by it.
 *
 * Threads: before any, since a thread that runs already is not confined.  Memory: none. */
#ifndef GROUND_CONFINE_H
#define GROUND_CONFINE_H

#include "ground/err.h"

#include <stddef.h>

/* folders: where files may still be made, written and removed; NULL and "" are passed over.
 *   ERR_UNAVAILABLE  the kernel has no Landlock: privileges only are given up
 *   ERR_SYSTEM       errno says why; nothing is promised */
MUST_CHECK enum err confine(const char *const *folders, size_t n);

#endif
