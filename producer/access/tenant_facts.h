/* tenant_facts.h - a tenant's facts, opened from its row.
 *
 * Threads: any.  Memory: the reference is the caller's (caller.h). */
#ifndef ACCESS_TENANT_FACTS_H
#define ACCESS_TENANT_FACTS_H

#include "access/caller.h"
#include "stores/tenant.h"

/*   ERR_SEALING  its key is gone or not held here     ERR_DB_DATA  not a value of ours
 *   ERR_NOMEM */
MUST_CHECK enum err tenant_facts_read(
	const struct tenant *tenant, struct keyring *ring, struct tenant_facts **ret_facts);

#endif
