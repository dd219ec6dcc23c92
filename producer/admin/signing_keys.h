/* signing_keys.h - the keys that sign what longhaul sends, and their rotation.
 *
 *   GET  /v1/signing-keys?kind=&limit=&after=       kind token: those of our tokens, and kind
 * audit: those of its checkpoints, all on the first page; kind webhook: one for each tenant;
 * without their secrets POST /v1/tenants/{name}/webhook-secret {"overlap_s"?}   200, with the new
 * secret, this once
 *
 * While the overlap lasts the secret before it signs as well, so that a receiver
 * may change over when it likes; a further rotation ends the overlap of the last.
 *
 * Keys of tokens rotate in token_keys.h, the audit's where its file is (ops/cli/audit_key.c).
 *
 * Threads: the servers', lanes.  Memory: the requests'; secrets are wiped. */
#ifndef ADMIN_SIGNING_KEYS_H
#define ADMIN_SIGNING_KEYS_H

#include "http/request.h"
#include "record/record.h"

void signing_keys_get(struct request *r);
void webhook_secret_post(struct request *r);

extern const struct record_op signing_keys_token_op, signing_keys_page_op, signing_keys_read_op,
	signing_keys_audit_op, webhook_secret_read_op, webhook_secret_change_op;

#endif
