/* dispatch_soft.h - commits that may be forgotten.
 *
 * Marks, batches and counts are hints: after a crash of Postgres the lost ones are
 * made again. Their transactions do not wait for the disk.
 *
 * For core/stores only.  Threads: the connection's. */
#ifndef STORES_DISPATCH_SOFT_H
#define STORES_DISPATCH_SOFT_H

#include "ports/db.h"

/* Begins a transaction whose first statement (reply 0) turns the wait off. As db_begin. */
MUST_CHECK enum err dispatch_soft_begin(struct db *db);

#endif
