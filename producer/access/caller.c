#include "access/caller.h"

#include "ground/digest.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct tenant_facts *tenant_facts_hold(struct tenant_facts *facts)
{
	facts->holders++;
	return facts;
}

void tenant_facts_release(struct tenant_facts *facts)
{
	if (!facts || atomic_fetch_sub(&facts->holders, 1) > 1)
		return;
	for (size_t i = 0; i < facts->origins_n; i++)
		free(facts->origins[i]);
	digest_wipe(facts->match_key, sizeof facts->match_key);
	free(facts);
}

void caller_name(const struct caller *caller, char out[ID_TEXT_MAX])
{
	bool is_key = id_equal(caller->principal, caller->credential);

	id_format(is_key ? "key" : "usr", caller->principal, out);
}

void caller_clear(struct caller *caller)
{
	tenant_facts_release(caller->facts);
	rights_release(caller->rights);
	memset(caller, 0, sizeof *caller);
}
