#include "identity/revocation.h"

#include "identity/tenant_count.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS_FIRST = 256, NETWORKS_FIRST = 8 };

/* Networks are looked through one by one, all others found by (kind, tenant, subject). */
struct entry {
	struct entry *next;
	struct revocation r;
};

struct revocations {
	struct entry **buckets;
	size_t buckets_n, n;
	struct revocation *networks;
	size_t networks_n, networks_room;
	struct tenant_count *tokens;
};

/* ---- kinds ---- */

#define KIND_TEXT(name, text) text,
static const char *const kind_texts[] = {REVOCATION_KINDS(KIND_TEXT)};
#undef KIND_TEXT

const char *revocation_kind_text(enum revocation_kind kind)
{
	return kind_texts[kind];
}

bool revocation_kind_parse(const char *text, enum revocation_kind *ret_kind)
{
	for (int i = 0; text && i < REVOCATION_KIND_COUNT_; i++)
		if (strcmp(text, kind_texts[i]) == 0) {
			*ret_kind = (enum revocation_kind)i;
			return true;
		}
	return false;
}

/* ---- a table ---- */

/* Ids end in chance or in a hash: their last bytes spread well enough. */
static size_t bucket_of(const struct revocations *list, struct id tenant, struct id subject)
{
	uint64_t a, b;

	memcpy(&a, tenant.bytes + 8, sizeof a);
	memcpy(&b, subject.bytes + 8, sizeof b);
	return (size_t)((a * 31 + b) % list->buckets_n);
}

static struct entry **place(const struct revocations *list, enum revocation_kind kind,
	struct id tenant, struct id subject)
{
	struct entry **at = &list->buckets[bucket_of(list, tenant, subject)];

	while (*at && ((*at)->r.kind != kind || !id_equal((*at)->r.tenant, tenant) ||
			      !id_equal((*at)->r.subject, subject)))
		at = &(*at)->next;
	return at;
}

static void grow(struct revocations *list)
{
	struct revocations wider = *list;

	wider.buckets_n = list->buckets_n * 2;
	wider.buckets = calloc(wider.buckets_n, sizeof *wider.buckets);
	if (!wider.buckets)
		return; /* longer chains will do */
	for (size_t i = 0; i < list->buckets_n; i++)
		for (struct entry *e = list->buckets[i], *next; e; e = next) {
			size_t to = bucket_of(&wider, e->r.tenant, e->r.subject);

			next = e->next;
			e->next = wider.buckets[to];
			wider.buckets[to] = e;
		}
	free(list->buckets);
	*list = wider;
}

enum err revocations_new(struct revocations **ret_list)
{
	struct revocations *list = calloc(1, sizeof *list);

	if (!list)
		return ERR_NOMEM;
	list->buckets_n = BUCKETS_FIRST;
	list->buckets = calloc(list->buckets_n, sizeof *list->buckets);
	if (!list->buckets || tenant_count_new(&list->tokens)) {
		free(list->buckets);
		free(list);
		return ERR_NOMEM;
	}
	*ret_list = list;
	return ERR_OK;
}

void revocations_free(struct revocations *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->buckets_n; i++)
		for (struct entry *e = list->buckets[i], *next; e; e = next) {
			next = e->next;
			free(e);
		}
	free(list->buckets);
	free(list->networks);
	tenant_count_free(list->tokens);
	free(list);
}

/* ---- counting ---- */

static bool is_counted(const struct revocation *r)
{
	return r->kind == REVOCATION_CREDENTIAL && r->ends_ms;
}

size_t revocations_tokens(const struct revocations *list, struct id tenant)
{
	return tenant_count_of(list->tokens, tenant);
}

/* ---- adding ---- */

/* The later moment and the later end count; 0 is the latest end. */
static void merge(struct revocation *to, const struct revocation *from)
{
	if (from->before_ms > to->before_ms)
		to->before_ms = from->before_ms;
	if (from->ends_ms == 0 || (to->ends_ms && from->ends_ms > to->ends_ms))
		to->ends_ms = from->ends_ms;
}

static bool network_equal(const struct revocation *a, const struct revocation *b)
{
	return id_equal(a->tenant, b->tenant) && a->network.bits == b->network.bits &&
	       memcmp(a->network.bytes, b->network.bytes, sizeof a->network.bytes) == 0;
}

static enum err network_add(struct revocations *list, const struct revocation *r)
{
	for (size_t i = 0; i < list->networks_n; i++)
		if (network_equal(&list->networks[i], r)) {
			merge(&list->networks[i], r);
			return ERR_OK;
		}
	if (list->networks_n == list->networks_room) {
		size_t room = list->networks_room ? 2 * list->networks_room : NETWORKS_FIRST;
		struct revocation *more = realloc(list->networks, room * sizeof *more);

		if (!more)
			return ERR_NOMEM;
		list->networks = more;
		list->networks_room = room;
	}
	list->networks[list->networks_n++] = *r;
	return ERR_OK;
}

enum err revocations_add(struct revocations *list, const struct revocation *r)
{
	struct entry **at, *e;

	if (r->kind == REVOCATION_NETWORK)
		return network_add(list, r);
	at = place(list, r->kind, r->tenant, r->subject);
	if (*at) {
		const bool counted = is_counted(&(*at)->r);

		merge(&(*at)->r, r);
		if (counted && !is_counted(&(*at)->r))
			tenant_count_less(list->tokens, r->tenant);
		return ERR_OK;
	}
	e = malloc(sizeof *e);
	if (!e || (is_counted(r) && tenant_count_more(list->tokens, r->tenant))) {
		free(e);
		return ERR_NOMEM;
	}
	e->r = *r;
	e->next = NULL;
	*at = e;
	if (++list->n > 2 * list->buckets_n)
		grow(list);
	return ERR_OK;
}

void revocations_sweep(struct revocations *list, int64_t now_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->buckets_n; i++)
		for (struct entry **at = &list->buckets[i]; *at;) {
			struct entry *e = *at;

			if (!e->r.ends_ms || e->r.ends_ms > now_ms) {
				at = &e->next;
				continue;
			}
			*at = e->next;
			list->n--;
			if (is_counted(&e->r))
				tenant_count_less(list->tokens, e->r.tenant);
			free(e);
		}
	for (size_t i = 0; i < list->networks_n; i++)
		if (!list->networks[i].ends_ms || list->networks[i].ends_ms > now_ms)
			list->networks[kept++] = list->networks[i];
	list->networks_n = kept;
}

/* ---- asking ---- */

static bool has(const struct revocations *list, enum revocation_kind kind, struct id tenant,
	struct id subject, int64_t issued_ms)
{
	const struct entry *e = *place(list, kind, tenant, subject);

	return e && (kind == REVOCATION_CREDENTIAL || issued_ms < e->r.before_ms);
}

static bool network_is_meant(const struct revocation *r, const struct revocation_facts *facts)
{
	return (id_is_zero(r->tenant) || id_equal(r->tenant, facts->tenant)) &&
	       facts->issued_ms < r->before_ms;
}

static bool network_denies(const struct revocations *list, const struct revocation_facts *facts)
{
	for (size_t i = 0; i < list->networks_n; i++)
		if (network_is_meant(&list->networks[i], facts) &&
			egress_net_holds(&list->networks[i].network, facts->address))
			return true;
	return false;
}

bool revocations_deny_somewhere(
	const struct revocations *list, const struct revocation_facts *facts)
{
	for (size_t i = 0; i < list->networks_n; i++)
		if (network_is_meant(&list->networks[i], facts))
			return true;
	return false;
}

static bool credential_denied(
	const struct revocations *list, struct id tenant, const struct id *ids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!id_is_zero(ids[i]) && has(list, REVOCATION_CREDENTIAL, tenant, ids[i], 0))
			return true;
	return false;
}

bool revocations_deny(const struct revocations *list, const struct revocation_facts *f)
{
	const struct id none = {{0}};

	return credential_denied(list, f->tenant, f->credentials, REVOCATION_CREDENTIALS) ||
	       credential_denied(list, f->tenant, f->sources, TOKEN_SOURCES_MAX) ||
	       has(list, REVOCATION_USER, f->tenant, f->principal, f->issued_ms) ||
	       has(list, REVOCATION_TENANT, f->tenant, none, f->issued_ms) ||
	       network_denies(list, f);
}

size_t revocations_n(const struct revocations *list)
{
	return list->n + list->networks_n;
}
