#include "jobs/job_scene.h"

#include "access/actor.h"
#include "producer.h"

struct job_scene job_scene_of(const struct request *r, struct queues_view *queues)
{
	return (struct job_scene){.config = r->producer->config,
		.caller = &r->caller,
		.queues = queues,
		.trace = &r->trace,
		.by = request_actor(r)};
}
