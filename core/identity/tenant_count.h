/* tenant_count.h - how many of something each tenant has.
 *
 * Tenants that have none take no room.
 *
 * Threads: the owner's lock.  Memory: an entry for each tenant that has any. */
#ifndef IDENTITY_TENANT_COUNT_H
#define IDENTITY_TENANT_COUNT_H

#include "ground/err.h"
#include "ground/id.h"

#include <stddef.h>

struct tenant_count;

MUST_CHECK enum err tenant_count_new(struct tenant_count **ret_count);
/* NULL is fine. */
void tenant_count_free(struct tenant_count *count);
/* ERR_NOMEM: it was not counted. */
MUST_CHECK enum err tenant_count_more(struct tenant_count *count, struct id tenant);
void tenant_count_less(struct tenant_count *count, struct id tenant);
size_t tenant_count_of(const struct tenant_count *count, struct id tenant);

#endif
