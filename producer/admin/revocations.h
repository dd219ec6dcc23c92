/* revocations.h - operators end what was given, before its time.
 *
 * Threads: the servers', lanes.  Memory: the requests'. */
#ifndef ADMIN_REVOCATIONS_H
#define ADMIN_REVOCATIONS_H

#include "http/request.h"
#include "record/record.h"

void revocations_post(struct request *r);

extern const struct record_op revocation_put_op;

#endif
