#include "job.h"
#include "worker.h"

/* The step exists so that a cached answer has its place; there is no cache yet, so every job goes
 * on to be admitted. */
enum step_result step_lookup(struct job *job)
{
	return STEP_NEXT;
}
