/* intake.h - claimed jobs become held ones: facts, then inputs, then the walk.
 *
 * A claim tells ids and facts. Jobs that call an upstream need their input, which
 * came with the claim of a message or is read here, a piece of a claim at a time
 * while worker.memory_mb leaves room for one: until then such a job holds a slot, and
 * nothing of its input. The others start right away. A piece that the record refuses for
 * a value is asked for again by halves until that job stands alone; it fails. So does,
 * before its first step, a job whose principal is shut out (ERR_FORBIDDEN); one whose input
 * is from before there were keys is parked until the leader has sealed it.
 *
 * Threads: the loop's.  Memory: the jobs of one claim until their inputs are there. */
#ifndef WORKER_INTAKE_H
#define WORKER_INTAKE_H

#include "stores/lease.h"

struct worker;

/* Holds and starts them. A job that cannot be held (no memory) is given back to the record by
 * claim_doubt, while its worker beats; else with its lease. */
void intake_take(struct worker *w, const struct claim *claims, size_t n);
/* Forgets those that still wait. After the connections are closed. */
void intake_drop_all(struct worker *w);

#endif
