#include "jobs/submit_seal.h"

#include "access/data_keys.h"
#include "jobs/job_values.h"

#include <stdlib.h>
#include <string.h>

struct sealing {
	struct producer *producer;
	submit_sealed_fn *done;
	void *ctx;
	size_t n, keys_n;
	struct subject_key *keys; /* those that are asked for */
	struct job_spec *specs[]; /* those that are not sealed */
};

static void sealing_free(struct sealing *s)
{
	if (!s)
		return;
	free(s->keys);
	free(s);
}

/* ---- keys ---- */

static int by_key(const void *a, const void *b)
{
	const struct subject_key *x = a, *y = b;
	const int tenants = id_compare(x->tenant, y->tenant);

	return tenants ? tenants : id_compare(x->key.id, y->key.id);
}

static struct subject_key key_of(const struct job_spec *spec)
{
	return (struct subject_key){
		.tenant = spec->submit.tenant, .key = {.id = spec->submit.data_key}};
}

/* What the cache knows goes into the specs; the rest, once each, is to be asked for. */
static void keys_gather(struct sealing *s, const struct db *db)
{
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct subject_key key = key_of(s->specs[i]);

		/* one that was wrapped by an epoch which is gone by now is asked for anew */
		if (data_keys_find(s->producer->data_keys, db, &key) &&
			keyring_has(s->producer->keyring, sealed_key_epoch(&key.key)))
			s->specs[i]->key = key.key;
		else
			s->keys[n++] = key_of(s->specs[i]);
	}
	if (n)
		qsort(s->keys, n, sizeof *s->keys, by_key);
	for (size_t i = 0; i < n; i++)
		if (!kept || by_key(&s->keys[kept - 1], &s->keys[i]) != 0)
			s->keys[kept++] = s->keys[i];
	s->keys_n = kept;
}

/* Proposals: the record may have others, and those count. */
static enum err keys_make(struct sealing *s)
{
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < s->keys_n; i++)
		e = sealed_key_make(s->producer->keyring, s->keys[i].tenant, s->keys[i].key.id,
			&s->keys[i].key);
	return e;
}

static void keys_give(struct sealing *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct subject_key wanted = key_of(s->specs[i]);
		const struct subject_key *found =
			s->keys_n ? bsearch(&wanted, s->keys, s->keys_n, sizeof *s->keys, by_key)
				  : NULL;

		if (found) {
			s->specs[i]->key = found->key;
			s->specs[i]->key_is_new = true;
		}
	}
}

void submit_seal_committed(
	struct producer *p, const struct db *db, struct job_spec *const *specs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct job_spec *spec = specs[i];
		const struct subject_key key = {spec->submit.tenant, spec->key};

		if (spec->key_is_new && !spec->submit.outcome && !spec->submit.replayed)
			data_keys_put(p->data_keys, db, &key);
		spec->key_is_new = false;
	}
}

/* ---- values ---- */

static enum err specs_seal(struct sealing *s)
{
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < s->n; i++)
		e = job_values_seal(s->specs[i], s->producer->keyring);
	return e;
}

static void keys_read(void *ctx, enum err e)
{
	struct sealing *s = ctx;

	if (!e) {
		keys_give(s);
		e = specs_seal(s);
	}
	s->done(s->ctx, e);
	sealing_free(s);
}

static enum err keys_ask(struct sealing *s, struct db *db)
{
	enum err e = keys_make(s);

	return e ? e : subject_key_ensure(db, s->keys, s->keys_n, keys_read, s);
}

static enum err sealing_new(
	struct producer *p, struct job_spec *const *specs, size_t n, struct sealing **ret)
{
	struct sealing *s = calloc(1, sizeof *s + n * sizeof(struct job_spec *));

	if (!s)
		return ERR_NOMEM;
	s->producer = p;
	for (size_t i = 0; i < n; i++)
		if (!specs[i]->is_sealed)
			s->specs[s->n++] = specs[i];
	s->keys = calloc(s->n + 1, sizeof *s->keys);
	if (!s->keys) {
		sealing_free(s);
		return ERR_NOMEM;
	}
	*ret = s;
	return ERR_OK;
}

enum err submit_seal(struct producer *p, struct db *db, struct job_spec *const *specs, size_t n,
	submit_sealed_fn *done, void *ctx)
{
	struct sealing *s = NULL;
	enum err e = sealing_new(p, specs, n, &s);

	if (e)
		return e;
	s->done = done;
	s->ctx = ctx;
	if (!sealed_is_off())
		keys_gather(s, db);
	if (s->keys_n) {
		e = keys_ask(s, db);
		if (e)
			sealing_free(s);
		return e;
	}
	keys_read(s, ERR_OK);
	return ERR_OK;
}
