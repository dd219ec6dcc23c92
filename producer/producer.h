/* producer.h - the program that serves the API: what its parts find each other by.
 *
 * Threads: the servers' (parse, validate, render small replies), the lanes' of
 * the record (commit, render), the producer's loop (Redis and Kafka, watchers, limits,
 * issuers' keys, and all that is read again by a timer: queues, authority, holders,
 * plans), one that reads bulk bodies, main (signals).  Memory: a configuration that was
 * replaced by a reload is kept until the end, so that nobody needs to hold it. */
#ifndef PRODUCER_H
#define PRODUCER_H

#include "config/config.h"
#include "domain/pseudonym.h"
#include "http/server.h"
#include "record/record.h"

#include <stdbool.h>

struct authority;
struct bulk;
struct data_keys;
struct key_watch;
struct keyring;
struct holders;
struct issuer_keys;
struct keys;
struct limiter;
struct live;
struct loops;
struct metrics;
struct plans;
struct publish;
struct queues;
struct reading;
struct refusals;
struct unproved;

struct producer {
	_Atomic(struct config *) config;
	struct record *record;
	struct keyring *keyring; /* opens data keys */
	struct data_keys *data_keys;
	struct key_watch *key_watch;
	struct authority *authority;
	struct issuer_keys *issuer_keys;
	struct unproved *unproved;
	struct keys *keys;
	struct holders *holders;
	struct plans *plans;
	struct limiter *limiter;
	struct queues *queues;
	struct reading *reading;
	struct refusals *refusals;
	struct live *live;
	struct publish *publish;
	struct bulk *bulk;
	struct metrics *metrics;
	struct loops *loops;
	struct server *public_server, *admin_server;
	struct loop *loop;		 /* one thread's; see above */
	struct pseudonym_key pseudonyms; /* for persons and addresses in the audit */
	_Atomic bool draining;
	_Atomic bool ready; /* the record was there once, the queues are known */
};

#endif
