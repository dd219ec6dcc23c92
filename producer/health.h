/* health.h - GET /healthz and /readyz: no key, next to no words.
 *
 * healthz says that threads answer. readyz fails only until queues, limits and who may
 * come were read once, while no active epoch's key is here, and while draining: with
 * Postgres away the producer stays ready and answers 503 itself, so that a load balancer
 * does not take all of them out.
 *
 * Threads: the servers'. */
#ifndef HEALTH_H
#define HEALTH_H

#include "http/request.h"

void health_live(struct request *r);
void health_ready(struct request *r);

#endif
