/* actor.h - who asks, as the audit names it.
 *
 * Threads: the key is read once, before the servers start.  Memory: the producer's. */
#ifndef ACCESS_ACTOR_H
#define ACCESS_ACTOR_H

#include "config/config.h"
#include "domain/pseudonym.h"
#include "http/request.h"
#include "stores/audit.h"

/* Reads audit.pseudonym_key_file; without one the key is all zeros, and a warning says so.
 *   ERR_CONFIG (logged)     ERR_NOMEM */
MUST_CHECK enum err actor_key_load(const struct config_audit *audit, struct pseudonym_key *ret_key);

/* r's own caller. */
struct audit_actor request_actor(const struct request *r);
/* Somebody whom r tells of elsewhere than in its head. Where the tenant's facts are not known there
 * is no pseudonym: one under another key would be somebody else. The credential says who it was. */
struct audit_actor actor_of(const struct request *r, const struct caller *caller);

#endif
