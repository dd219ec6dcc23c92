/* caller.h - who is asking: a principal of a tenant, or an operator.
 *
 * A principal is a user, or an API key that acts for none: what jobs belong to and what
 * holds roles. The credential is what was shown: the key itself.
 *
 * A tenant's facts (its match key, its callback origins, its class of retention)
 * are a shared, read-only object that the key cache hands out; a caller holds a
 * reference for the life of its request.
 *
 * Threads: the object may be read by any; the count is atomic. */
#ifndef ACCESS_CALLER_H
#define ACCESS_CALLER_H

#include "domain/rights.h"
#include "ground/err.h"
#include "ground/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MATCH_KEY_BYTES = 32, ORIGINS_MAX = 64 };

struct tenant_facts {
	struct id id;
	unsigned retention; /* class for jobs that ask for none */
	uint8_t match_key[MATCH_KEY_BYTES];
	char *origins[ORIGINS_MAX]; /* callback origins, `scheme://host:port`; port may be `*` */
	size_t origins_n;
	_Atomic unsigned holders;
};

struct caller {
	struct id tenant, principal, credential;
	bool is_operator;
	struct tenant_facts *facts; /* NULL for an operator */
	struct rights
		*rights; /* what the principal's roles allow; NULL until they were asked for */
};

/* "usr_..." or "key_...": the principal, as others are told of it. */
void caller_name(const struct caller *caller, char out[ID_TEXT_MAX]);

struct tenant_facts *tenant_facts_hold(struct tenant_facts *facts);
/* NULL is fine. */
void tenant_facts_release(struct tenant_facts *facts);
/* Frees the references; the struct may be used again. */
void caller_clear(struct caller *caller);

#endif
