/* job_scene.h - what the check of a job needs to know of the request that hands it in.
 *
 * Threads: any; reads what the request borrows.  Memory: as long as r and queues, which are the
 * caller's. */
#ifndef JOBS_JOB_SCENE_H
#define JOBS_JOB_SCENE_H

#include "http/request.h"
#include "jobs/job_spec.h"

struct job_scene job_scene_of(const struct request *r, struct queues_view *queues);

#endif
