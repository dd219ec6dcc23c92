#include "upstreams/scope.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double GRANTS_S = 2, USUAL_S = 300, OUTPUT_AT_FIRST = 256;
/* The scope of those that found no room. */
static const char crowd[] = "*";

static size_t bucket_of(const char *a, const char *b, const char *c)
{
	uint64_t hash = 14695981039346656037U; /* FNV-1a */
	const char *const parts[] = {a, b, c};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		for (const char *at = parts[i];; at++) {
			hash = (hash ^ (unsigned char)*at) * 1099511628211U;
			if (!*at)
				break;
		}
	return (size_t)(hash % SCOPE_BUCKETS);
}

/* ---- upstreams ---- */

static struct scope_upstream *upstream_get(struct scopes *s, const char *name)
{
	struct scope_upstream *up = s->upstreams;
	char id[PERMIT_ID_MAX];

	while (up && strcmp(up->name, name) != 0)
		up = up->next;
	if (up)
		return up;
	up = calloc(1, sizeof(*up));
	if (!up)
		return NULL;
	up->name = strdup(name);
	if (!up->name) {
		free(up);
		return NULL;
	}
	permit_id("retries", name, "", id);
	up->line.id = permit_line(id);
	up->next = s->upstreams;
	s->upstreams = up;
	return up;
}

/* ---- guards ---- */

static void guard_free(struct guard *g)
{
	free(g->upstream);
	free(g->label);
	free(g);
}

static void guard_drop(struct scopes *s, struct guard *g)
{
	struct guard **at;

	if (!g || --g->uses)
		return;
	at = &s->guards[bucket_of(guard_kind_text(g->kind), g->upstream, g->label)];
	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	guard_free(g);
}

static struct guard *guard_new(enum guard_kind kind, const char *upstream, const char *label)
{
	struct guard *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->kind = kind;
	g->upstream = strdup(upstream);
	g->label = strdup(label);
	if (!g->upstream || !g->label) {
		guard_free(g);
		return NULL;
	}
	permit_id(guard_kind_text(kind), upstream, label, g->id);
	return g;
}

static struct guard *guard_get(
	struct scopes *s, enum guard_kind kind, const char *upstream, const char *label)
{
	struct guard **bucket = &s->guards[bucket_of(guard_kind_text(kind), upstream, label)];
	struct guard *g = *bucket;

	while (g && (g->kind != kind || strcmp(g->upstream, upstream) != 0 ||
			    strcmp(g->label, label) != 0))
		g = g->next;
	if (!g) {
		g = guard_new(kind, upstream, label);
		if (!g)
			return NULL;
		g->next = *bucket;
		*bucket = g;
	}
	g->uses++;
	return g;
}

/* ---- scopes ---- */

static struct scope **place_of(struct scopes *s, const struct scope_name *name)
{
	struct scope **at = &s->scopes[bucket_of(name->upstream, name->key, name->model)];

	while (*at && (strcmp((*at)->upstream->name, name->upstream) != 0 ||
			      strcmp((*at)->key, name->key) != 0 ||
			      strcmp((*at)->model, name->model) != 0))
		at = &(*at)->next;
	return at;
}

static void scope_free(struct scopes *s, struct scope *scope)
{
	guard_drop(s, scope->breaker);
	guard_drop(s, scope->health);
	ring_leave(&scope->used);
	free(scope->key);
	free(scope->model);
	free(scope);
}

static void scope_drop(struct scopes *s, struct scope *scope)
{
	const struct scope_name name = {scope->upstream->name, scope->key, scope->model};
	struct scope **at = place_of(s, &name);

	*at = scope->next;
	s->n--;
	scope_free(s, scope);
}

static bool is_payer(const struct scope_name *name)
{
	return !name->upstream[0];
}

static bool guards_join(struct scopes *s, struct scope *scope, const struct scope_name *name)
{
	if (is_payer(name))
		return true;
	scope->breaker = guard_get(s, GUARD_MODEL, name->upstream, name->model);
	scope->health = guard_get(s, GUARD_KEY, name->upstream, name->key);
	return scope->breaker && scope->health;
}

static struct scope *scope_new(struct scopes *s, const struct scope_name *name)
{
	struct scope *scope = calloc(1, sizeof(*scope));

	if (!scope)
		return NULL;
	scope->key = strdup(name->key);
	scope->model = strdup(name->model);
	scope->upstream = upstream_get(s, name->upstream);
	if (!guards_join(s, scope, name) || !scope->key || !scope->model || !scope->upstream) {
		scope_free(s, scope);
		return NULL;
	}
	permit_id(name->upstream, name->key, name->model, scope->id);
	scope->line.id = permit_line(scope->id);
	for (size_t i = 0; i < RATES; i++)
		quota_init(&scope->quota[i]);
	scope->output_tokens = OUTPUT_AT_FIRST;
	return scope;
}

/* Makes room: the idle one that was used longest ago. Those in use stand at the end mostly. */
static bool evict(struct scopes *s)
{
	for (struct ring *at = s->used.next; at != &s->used; at = at->next) {
		struct scope *scope = RING_OF(at, struct scope, used);

		if (scope->in_flight || scope->waiting || scope->exchanging || scope->kept)
			continue;
		scope_drop(s, scope);
		return true;
	}
	return false;
}

struct scope *scopes_get(struct scopes *s, const struct scope_name *name)
{
	struct scope_name own = *name;
	struct scope **place = place_of(s, &own);
	struct scope *scope = *place;

	if (!scope && s->n >= SCOPES_MAX && !evict(s)) {
		if (is_payer(name))
			return NULL;
		own.model = crowd;
		scope = *place_of(s, &own);
	}
	if (!scope) {
		scope = scope_new(s, &own);
		if (!scope)
			return NULL;
		place = place_of(s, &own);
		*place = scope;
		ring_join(&s->used, &scope->used);
		s->n++;
	}
	return scope;
}

struct scope *scopes_find(struct scopes *s, const struct scope_name *name)
{
	return *place_of(s, name);
}

/* A payer is no upstream's. Its level stands where others have a key, its name for a model. */
struct scope *scopes_get_payer(struct scopes *s, const struct permit_payer *payer)
{
	char name[PERMIT_PAYER_MAX];
	struct scope *scope;

	permit_payer_name(payer, name);
	scope = scopes_get(s, &(struct scope_name){"", limit_level_text(payer->level), name});
	if (scope && !limit_level_is_tokens(scope->payer.level))
		(void)permit_payer_read(scope->key, scope->model, &scope->payer);
	return scope;
}

void scopes_use(struct scopes *s, struct scope *scope, int64_t now_ms)
{
	scope->used_ms = now_ms;
	ring_join(&s->used, &scope->used);
}

void scopes_init(struct scopes *s)
{
	*s = (struct scopes){.n = 0};
	ring_init(&s->used);
}

void scopes_clear(struct scopes *s)
{
	while (!ring_empty(&s->used))
		scope_drop(s, RING_OF(s->used.next, struct scope, used));
	while (s->upstreams) {
		struct scope_upstream *up = s->upstreams;

		s->upstreams = up->next;
		free(up->name);
		free(up);
	}
}

/* ---- how fast it goes ---- */

double scope_grants_per_s(struct scope *s, int64_t now_ms)
{
	const double passed_s = (double)(now_ms - s->grants_ms) / 1000;

	s->grants *= exp(-passed_s / GRANTS_S);
	s->usual_per_s = fmax(s->grants / GRANTS_S, s->usual_per_s * exp(-passed_s / USUAL_S));
	s->grants_ms = now_ms;
	return s->grants / GRANTS_S;
}

void scope_granted(struct scope *s, int64_t now_ms)
{
	(void)scope_grants_per_s(s, now_ms);
	s->grants += 1;
	s->granted_n++;
	s->in_flight++;
	s->upstream->in_flight++;
}

void scope_ended(struct scope *s)
{
	s->in_flight--;
	s->upstream->in_flight--;
}

size_t scopes_in_flight(const struct scopes *s, const char *upstream)
{
	size_t n = 0;

	for (const struct scope_upstream *up = s->upstreams; up; up = up->next)
		if (!upstream || strcmp(up->name, upstream) == 0)
			n += up->in_flight;
	return n;
}
