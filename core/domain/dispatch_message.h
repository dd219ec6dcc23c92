/* dispatch_message.h - what travels through Kafka: which jobs may be claimed.
 *
 * A message is a hint and holds ids only. The queue is named by the topic, all
 * else stands in the record, where the claim looks again: so a message that
 * comes twice, late or shuffled is harmless, and nothing in it needs sealing.
 *
 *   byte 0       version, 1        then    n times tenant (16), job (16)
 *   bytes 1..16  batch id          last 4  check sum (FNV-1a) of all before
 *   bytes 17..18 n, big endian
 *
 * The check sum is against garbage from a foreign writer on the topic, not
 * against an enemy: a wrong id merely finds no ready row.
 *
 * Threads: pure.  Memory: a read message is a view of the caller's bytes. */
#ifndef DOMAIN_DISPATCH_MESSAGE_H
#define DOMAIN_DISPATCH_MESSAGE_H

#include "ground/err.h"
#include "ground/id.h"

#include <stddef.h>
#include <stdint.h>

enum {
	DISPATCH_MESSAGE_JOBS_MAX = 500,
	DISPATCH_MESSAGE_BYTES_MAX = 1 + 16 + 2 + 32 * DISPATCH_MESSAGE_JOBS_MAX + 4
};

/* Names one job: tenant_id stands first in every key of the record. */
struct dispatch_key {
	struct id tenant;
	struct id job;
};

struct dispatch_message {
	struct id batch; /* the dispatch_batch row */
	size_t n;	 /* 1..DISPATCH_MESSAGE_JOBS_MAX */
	const uint8_t *keys;
};

/* Writes a message and returns its length; 0 when n is 0 or over the maximum. */
size_t dispatch_message_write(struct id batch, const struct dispatch_key *keys, size_t n,
	uint8_t out[DISPATCH_MESSAGE_BYTES_MAX]);
/* Reads one. The view is valid as long as bytes are. ERR_BAD_REQUEST for anything else. */
MUST_CHECK enum err dispatch_message_read(
	const void *bytes, size_t len, struct dispatch_message *ret_message);
/* The i-th key, i < n. */
struct dispatch_key dispatch_message_key(const struct dispatch_message *message, size_t i);

#endif
