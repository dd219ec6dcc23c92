/* post.h - one delivery under way, from its claim to the record's acknowledgement.
 *
 * A post writes and signs its request, takes a place of its origin and of its tenant,
 * posts it under the egress rules and judges the answer. What the record has to be told
 * then stands in its end.
 *
 * Threads: the loop's.  Memory: posts_init makes all there will ever be. */
#ifndef WORKER_DELIVERY_POST_H
#define WORKER_DELIVERY_POST_H

#include "delivery/origins.h"
#include "delivery/sender.h"
#include "delivery/webhook_request.h"
#include "domain/egress.h"
#include "stores/delivery.h"

enum { POST_NETWORKS_MAX = 1000 };

struct http_call;
struct posts;

struct post {
	struct posts *posts;
	struct post *next; /* among the free, or its owner's after the end */
	struct id job;
	struct webhook_request request;
	struct http_call *call;
	bool entered; /* holds a place of its origin and of its tenant */
	int attempt;
	int64_t retry_after_ms;
	int64_t claimed_ms;
	char address[64]; /* the receiver's, for the log */
	struct delivery_end end;
};

/* The end is known; the post is its owner's until post_give_back. Called from post_start, too. */
typedef void post_ended_fn(void *owner, struct post *post);

/* All posts, and what they share. */
struct posts {
	const struct sender_host *host;
	post_ended_fn *ended;
	void *owner;
	struct origins *origins, *tenants;
	struct post *all, *free;
	size_t n, under_way;
	struct egress_net networks[POST_NETWORKS_MAX];
	size_t networks_n;
	const struct config *networks_of; /* which configuration they were read from */
};

/* webhook.max_in_flight of them. host, ended and owner are set. ERR_NOMEM: posts_clear is due. */
MUST_CHECK enum err posts_init(struct posts *posts);
void posts_clear(struct posts *posts);
/* How many more may be taken. */
size_t posts_room(const struct posts *posts);
/* Before a claim: networks are read again when the configuration is another one. */
void posts_refresh(struct posts *posts);
/* Ends the calls under way without a word. */
void posts_drop(struct posts *posts);

/* NULL when all are under way. */
struct post *post_take(struct posts *posts, const struct delivery *d);
/* Its end comes later or at once. */
void post_start(struct post *post, const struct delivery *d);
void post_give_back(struct post *post);

#endif
