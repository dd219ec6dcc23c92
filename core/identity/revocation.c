#include "identity/revocation.h"

#include "identity/tenant_count.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS_FIRST = 256 };

/* Found by tenant and subject. Networks have no subject: those of one tenant stand together and are
 * looked through one by one, so that many of one cost no other anything. */
struct entry {
	struct entry *next;
	struct revocation r;
};

struct revocations {
	struct entry **buckets;
	size_t buckets_n, n;
	struct tenant_count *shares[REVOCATION_SHARES];
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

static bool same(const struct revocation *a, const struct revocation *b)
{
	return a->kind == b->kind && id_equal(a->tenant, b->tenant) &&
	       id_equal(a->subject, b->subject) && a->network.bits == b->network.bits &&
	       memcmp(a->network.bytes, b->network.bytes, sizeof a->network.bytes) == 0;
}

static struct entry **place(const struct revocations *list, const struct revocation *r)
{
	struct entry **at = &list->buckets[bucket_of(list, r->tenant, r->subject)];

	while (*at && !same(&(*at)->r, r))
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
	enum err e = ERR_OK;

	if (!list)
		return ERR_NOMEM;
	list->buckets_n = BUCKETS_FIRST;
	list->buckets = calloc(list->buckets_n, sizeof *list->buckets);
	if (!list->buckets)
		e = ERR_NOMEM;
	for (size_t i = 0; !e && i < REVOCATION_SHARES; i++)
		e = tenant_count_new(&list->shares[i]);
	if (e) {
		revocations_free(list);
		return e;
	}
	*ret_list = list;
	return ERR_OK;
}

void revocations_free(struct revocations *list)
{
	if (!list)
		return;
	for (size_t i = 0; list->buckets && i < list->buckets_n; i++)
		for (struct entry *e = list->buckets[i], *next; e; e = next) {
			next = e->next;
			free(e);
		}
	free(list->buckets);
	for (size_t i = 0; i < REVOCATION_SHARES; i++)
		tenant_count_free(list->shares[i]);
	free(list);
}

/* ---- counting ---- */

enum revocation_share revocation_share(const struct revocation *r)
{
	if (r->kind == REVOCATION_CREDENTIAL)
		return r->is_key ? REVOCATION_KEYS : REVOCATION_TOKENS;
	if (r->kind == REVOCATION_TENANT || id_is_zero(r->tenant))
		return REVOCATION_UNCOUNTED;
	return r->taken_back ? REVOCATION_TAKEN_BACK : REVOCATION_STANDING;
}

/* NULL: it is counted nowhere. */
static struct tenant_count *count_of(const struct revocations *list, const struct revocation *r)
{
	const enum revocation_share share = revocation_share(r);

	return share == REVOCATION_UNCOUNTED ? NULL : list->shares[share];
}

static enum err count_more(const struct revocations *list, const struct revocation *r)
{
	struct tenant_count *count = count_of(list, r);

	return count ? tenant_count_more(count, r->tenant) : ERR_OK;
}

static void count_less(const struct revocations *list, const struct revocation *r)
{
	struct tenant_count *count = count_of(list, r);

	if (count)
		tenant_count_less(count, r->tenant);
}

size_t revocations_of(const struct revocations *list, enum revocation_share share, struct id tenant)
{
	const size_t n = tenant_count_of(list->shares[share], tenant);
	const size_t taken = share == REVOCATION_STANDING
				     ? tenant_count_of(list->shares[REVOCATION_TAKEN_BACK], tenant)
				     : 0;

	return n > taken ? n : taken;
}

/* ---- adding, taking away ---- */

static void drop(struct revocations *list, struct entry **at)
{
	struct entry *e = *at;

	*at = e->next;
	list->n--;
	count_less(list, &e->r);
	free(e);
}

static enum err replace(struct revocations *list, struct entry *e, const struct revocation *r)
{
	if (count_more(list, r))
		return ERR_NOMEM;
	count_less(list, &e->r);
	e->r = *r;
	return ERR_OK;
}

static enum err append(struct revocations *list, struct entry **at, const struct revocation *r)
{
	struct entry *e = malloc(sizeof *e);

	if (!e || count_more(list, r)) {
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

enum err revocations_add(struct revocations *list, const struct revocation *r)
{
	struct entry **at = place(list, r);

	return *at ? replace(list, *at, r) : append(list, at, r);
}

void revocations_sweep(struct revocations *list, int64_t now_ms)
{
	for (size_t i = 0; i < list->buckets_n; i++)
		for (struct entry **at = &list->buckets[i]; *at;)
			if ((*at)->r.ends_ms && (*at)->r.ends_ms <= now_ms)
				drop(list, at);
			else
				at = &(*at)->next;
}

/* ---- asking ---- */

static bool has(const struct revocations *list, enum revocation_kind kind, struct id tenant,
	struct id subject, int64_t issued_ms)
{
	const struct revocation key = {.kind = kind, .tenant = tenant, .subject = subject};
	const struct entry *e = *place(list, &key);

	return e && !e->r.taken_back &&
	       (kind == REVOCATION_CREDENTIAL || issued_ms < e->r.before_ms);
}

/* From e on the next network of a tenant, or of all, that is meant for what facts tell. */
static const struct entry *network_from(
	const struct entry *e, struct id of, const struct revocation_facts *facts)
{
	while (e && (e->r.kind != REVOCATION_NETWORK || e->r.taken_back ||
			    !id_equal(e->r.tenant, of) || facts->issued_ms >= e->r.before_ms))
		e = e->next;
	return e;
}

static const struct entry *networks_of(
	const struct revocations *list, struct id of, const struct revocation_facts *facts)
{
	return network_from(list->buckets[bucket_of(list, of, (struct id){{0}})], of, facts);
}

static bool network_denies(
	const struct revocations *list, struct id of, const struct revocation_facts *facts)
{
	const struct entry *e = networks_of(list, of, facts);

	while (e && !egress_net_holds(&e->r.network, facts->address))
		e = network_from(e->next, of, facts);
	return e != NULL;
}

bool revocations_deny_somewhere(
	const struct revocations *list, const struct revocation_facts *facts)
{
	return networks_of(list, facts->tenant, facts) ||
	       networks_of(list, (struct id){{0}}, facts);
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
	       network_denies(list, f->tenant, f) ||
	       (!id_is_zero(f->tenant) && network_denies(list, none, f));
}

size_t revocations_n(const struct revocations *list)
{
	return list->n;
}
