/* sender.h - sends webhooks: the worker's second desk, beside the jobs.
 *
 * It claims due rows of the outbox, makes a post of each (post.h), and tells the record
 * what became of it. The claim is a lease: what a killed worker had under way becomes
 * due again by itself and is sent under the same id; so a crash doubles at most what it
 * interrupted.
 *
 * Its slots are its own (webhook.max_in_flight): receivers and model calls do not
 * wait for each other. No receiver gets more than webhook.per_origin_in_flight of
 * them; what is over goes back to the record for a few seconds, untried.
 *
 * Calls: https unless webhook.allow_http, no redirect, the address checked when the
 * socket is made, webhook.timeout_ms and webhook.response_bytes at most, the reply
 * thrown away.
 *
 * Threads: the loop's.  Memory: webhook.max_in_flight posts, made at the start. */
#ifndef WORKER_DELIVERY_SENDER_H
#define WORKER_DELIVERY_SENDER_H

#include "ground/err.h"
#include "ground/id.h"

#include <stdbool.h>
#include <stdint.h>

struct config;
struct db;
struct http;
struct keyring;
struct loop;
struct sender;

/* What it works with, all living longer than it. */
struct sender_host {
	struct loop *loop;
	struct http *http;
	struct db *db;
	struct keyring *keyring;
	const struct id *worker;      /* the present incarnation */
	struct config *const *config; /* the present one: a reload is seen by the next request */
};

/* How it ends, in this order, each step safe without the ones before: sender_stop, then wait until
 * sender_idle; sender_drop; http_free; db_close; sender_free; loop_free. */

/* Starts looking at once. ERR_NOMEM, or as loop_timer_new. */
MUST_CHECK enum err sender_new(const struct sender_host *host, struct sender **ret_sender);
/* Claims nothing new; what is under way goes on. */
void sender_stop(struct sender *sender);
/* Nothing is under way: after a stop, nothing will be. */
bool sender_idle(const struct sender *sender);
/* Ends the calls under way without a word: what they were about becomes due again. Before
 * http_free. NULL is fine, as it is for the next one. */
void sender_drop(struct sender *sender);
/* After db_close, whose last callbacks still come here; before loop_free. */
void sender_free(struct sender *sender);

/* What became of attempts since the start. */
struct sender_tally {
	uint64_t delivered, again, given_up, deferred, lost;
	size_t under_way;
};
void sender_tally_read(const struct sender *sender, struct sender_tally *ret_tally);

#endif
