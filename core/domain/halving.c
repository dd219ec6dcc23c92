#include "domain/halving.h"

size_t halving_most(const struct halving *h, size_t n)
{
	return h->most && h->most < n ? h->most : n;
}

bool halving_is_on(const struct halving *h)
{
	return h->most > 0;
}

bool halving_refused(struct halving *h, size_t n)
{
	h->most = n / 2;
	return n == 1;
}

void halving_taken(struct halving *h, size_t whole)
{
	h->most = h->most < whole / 2 ? h->most * 2 : 0;
}
