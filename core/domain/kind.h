/* kind.h - what a job can be: one row per kind.
 *
 * A kind says which path of an upstream its input is sent to; how the reply is
 * read is a row of worker/upstreams/reply.c. Internal kinds are our own
 * maintenance and are refused from outside. Kinds without a runner are names kept
 * for later: refused as well.
 *
 * Threads: pure.  Memory: static. */
#ifndef DOMAIN_KIND_H
#define DOMAIN_KIND_H

#include <stdbool.h>
#include <stddef.h>

enum kind_runner { KIND_RUNS_NOT, KIND_RUNS_NOTHING, KIND_RUNS_UPSTREAM };

struct kind {
	const char *name;
	const char *path; /* behind the upstream's base_url; "" where none is called */
	enum kind_runner runner;
	bool internal;
};

/* NULL when no kind has this name. */
const struct kind *kind_find(const char *name);
/* The same, but only what a caller may submit. */
const struct kind *kind_submittable(const char *name);
/* The n-th row, NULL after the last. */
const struct kind *kind_at(size_t n);

#endif
