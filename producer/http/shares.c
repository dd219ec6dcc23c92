#include "http/shares.h"

#include <stdatomic.h>

enum { LITTLE = 12 };

static _Atomic size_t *sum(struct shares *s, struct id tenant, enum share_limit limit)
{
	if (limit == SHARE_ALL)
		return &s->all;
	if (id_is_zero(tenant))
		return &s->of[SHARES];
	return &s->of[(tenant.bytes[14] << 8 | tenant.bytes[15]) % SHARES];
}

size_t shares_held(struct shares *s, struct id tenant, enum share_limit limit)
{
	return *sum(s, tenant, limit);
}

static bool claim(_Atomic size_t *sum, size_t held, size_t n, size_t most)
{
	const size_t others = atomic_fetch_add(sum, n - held) - held;

	if (others <= most / LITTLE || others + n <= most)
		return true;
	atomic_fetch_sub(sum, n - held);
	return false;
}

bool shares_claim(struct shares *s, struct id tenant, size_t held, size_t n,
	const struct share_bounds *bounds)
{
	for (enum share_limit limit = 0; limit < SHARE_LIMITS; limit++) {
		if (claim(sum(s, tenant, limit), held, n, bounds->most[limit]))
			continue;
		s->refused[limit]++;
		if (limit == SHARE_TENANT)
			atomic_fetch_sub(sum(s, tenant, SHARE_ALL), n - held);
		return false;
	}
	return true;
}

void shares_set(struct shares *s, struct id tenant, size_t held, size_t n)
{
	for (enum share_limit limit = 0; limit < SHARE_LIMITS; limit++)
		*sum(s, tenant, limit) += n - held;
}
