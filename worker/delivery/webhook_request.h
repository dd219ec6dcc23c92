/* webhook_request.h - one delivery as it goes over the wire.
 *
 * The body is thin: what happened to which job. Whoever wants the result fetches
 * it with his own rights. The id is the same on every attempt, the time and the
 * signature are not: receivers refuse what is older than five minutes.
 *
 * The address is judged again, as the tenant's list and the operator's settings
 * may have changed since the job was accepted.
 *
 * Threads: pure, but for the time.  Memory: webhook_request_clear frees; the secrets'
 * copies are wiped. */
#ifndef WORKER_DELIVERY_WEBHOOK_REQUEST_H
#define WORKER_DELIVERY_WEBHOOK_REQUEST_H

#include "ground/buf.h"
#include "stores/delivery.h"

enum {
	WEBHOOK_REQUEST_HEADERS = 6,
	WEBHOOK_REQUEST_HEADER_MAX = 300,
	WEBHOOK_REQUEST_ORIGIN_MAX = 300
};

struct webhook_request {
	struct buf url;
	struct buf body;
	char origin[WEBHOOK_REQUEST_ORIGIN_MAX];
	char headers[WEBHOOK_REQUEST_HEADERS][WEBHOOK_REQUEST_HEADER_MAX];
	const char *list[WEBHOOK_REQUEST_HEADERS + 1]; /* ends with NULL, as http.h wants it */
};

struct webhook_scene {
	struct keyring *ring;
	bool allow_http;
	int64_t now_ms; /* unix time */
};
/* Writes the request of this attempt. Metadata that does not read is left out.
 *   ERR_RECEIVER_URL  no address (or its key was destroyed), a malformed one, plain http where it
 *                     is not allowed, or an origin that is not on the tenant's list
 *   ERR_SEALING       a key is not here
 *   ERR_INTERNAL      the stored secret makes no sense
 *   ERR_NOMEM
 * On failure the request is empty. */
MUST_CHECK enum err webhook_request_write(const struct delivery *delivery,
	const struct webhook_scene *scene, struct webhook_request *ret_request);
void webhook_request_clear(struct webhook_request *request);

#endif
