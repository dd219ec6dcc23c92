#include "identity/tenant_count.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096 };

struct entry {
	struct entry *next;
	struct id tenant;
	size_t n;
};

struct tenant_count {
	struct entry *buckets[BUCKETS];
};

enum err tenant_count_new(struct tenant_count **ret_count)
{
	struct tenant_count *count = calloc(1, sizeof *count);

	if (!count)
		return ERR_NOMEM;
	*ret_count = count;
	return ERR_OK;
}

void tenant_count_free(struct tenant_count *count)
{
	for (size_t i = 0; count && i < BUCKETS; i++)
		for (struct entry *e = count->buckets[i], *next; e; e = next) {
			next = e->next;
			free(e);
		}
	free(count);
}

/* An id ends in chance. */
static size_t bucket_of(struct id tenant)
{
	uint32_t hash;

	memcpy(&hash, tenant.bytes + sizeof tenant.bytes - sizeof hash, sizeof hash);
	return hash % BUCKETS;
}

static struct entry **place(struct tenant_count *count, struct id tenant)
{
	struct entry **at = &count->buckets[bucket_of(tenant)];

	while (*at && !id_equal((*at)->tenant, tenant))
		at = &(*at)->next;
	return at;
}

enum err tenant_count_more(struct tenant_count *count, struct id tenant)
{
	struct entry **at = place(count, tenant);

	if (!*at) {
		*at = calloc(1, sizeof **at);
		if (!*at)
			return ERR_NOMEM;
		(*at)->tenant = tenant;
	}
	(*at)->n++;
	return ERR_OK;
}

void tenant_count_less(struct tenant_count *count, struct id tenant)
{
	struct entry **at = place(count, tenant);
	struct entry *e = *at;

	if (!e || --e->n > 0)
		return;
	*at = e->next;
	free(e);
}

size_t tenant_count_of(const struct tenant_count *count, struct id tenant)
{
	const struct entry *e = count->buckets[bucket_of(tenant)];

	while (e && !id_equal(e->tenant, tenant))
		e = e->next;
	return e ? e->n : 0;
}
