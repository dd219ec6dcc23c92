/* upstream.h - the model servers of the configuration, their keys, and who serves a model.
 *
 * A model goes the way of the first route whose pattern fits it; without one,
 * every upstream that says it serves it is a candidate, in the order of the file.
 * A candidate is an upstream and the name that it has for the model. Which of its
 * keys is used is choice.h's decision.
 *
 * A reload takes effect for the next call. Upstreams are known by name and keys by
 * label: those that stay are the same objects, so that what was counted or learned
 * of them stays; those that went live on until the last call that holds them ended.
 *
 * To add an upstream, add a row to the configuration. To add a dialect, add a row
 * to core/domain/upstream_dialect.c. To add a kind of reply, add a row to reply.c.
 *
 * Threads: the loop's.  Memory: keys are wiped when replaced. */
#ifndef UPSTREAMS_UPSTREAM_H
#define UPSTREAMS_UPSTREAM_H

#include "config/config.h"

#include <stdint.h>

enum { CANDIDATES_MAX = 32 };

struct upstream;

struct upstream_key {
	struct upstream *upstream;
	char *label;	  /* CONFIG_KEY_LABEL where there is one key, or none */
	char *header;	  /* NULL = none is sent */
	unsigned holders; /* the upstream's list, and calls */
};

struct upstream {
	char *name;
	const struct config_upstream *config; /* of the config that it holds */
	struct config *held;
	struct upstream_key **keys; /* at least one */
	size_t keys_n;
	unsigned holders; /* the list, and calls */
};

struct candidate {
	struct upstream *upstream;
	const char *model; /* its name for the model; valid until a reload; NULL = none was asked */
};

struct upstreams {
	struct config *config; /* held */
	struct upstream **list;
	size_t n;
};

/* Reads the keys. ERR_CONFIG: a key file cannot be read (it is logged), ERR_NOMEM.
 * path: of the configuration, for what is logged. */
MUST_CHECK enum err upstreams_new(
	struct config *config, const char *path, struct upstreams **ret_upstreams);
void upstreams_free(struct upstreams *u);
/* Both or nothing. */
MUST_CHECK enum err upstreams_reload(struct upstreams *u, struct config *config, const char *path);

/* Who may serve the model, the preferred one first. model may be NULL: then only "*" fits. */
size_t upstreams_candidates(
	struct upstreams *u, const char *model, struct candidate *ret_candidates, size_t max);

/* A call holds its key, and the upstream with it, from its admission until its end is recorded. */
struct upstream_key *upstream_key_hold(struct upstream_key *key);
void upstream_key_release(struct upstream_key *key); /* NULL is fine */

#endif
