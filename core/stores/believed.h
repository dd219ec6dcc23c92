/* believed.h - is whoever writes believed by the record itself?
 *
 * A producer hears of a revocation up to a second after it, and remembers a key for 5 s. Who was
 * shut out would use that time to give himself what outlives it: another key, dated after his
 * revocation. So what makes credentials asks here, in its own transaction: for the rows of the keys
 * that were shown, and for the list's entries of what was shown, its user and its tenant. Networks
 * are not asked for.
 *
 * Every revocation moves the access sequence, and believed_hold keeps that where it is: what has
 * been revoked is seen behind it, and what is revoked next is dated behind the commit of whoever
 * holds it.
 *
 * For core/stores only. */
#ifndef STORES_BELIEVED_H
#define STORES_BELIEVED_H

#include "identity/revocation.h"
#include "ports/db.h"
#include "stores/audit.h"

/* Of four arguments that believed_args makes. An end by itself counts of the key that was shown
 * alone: what was bought with one that ran out is good as long as it says. */
#define BELIEVED(whose, shown, principal, given)                                      \
	" (not exists (select from api_key m where m.key_id = any(" shown "::uuid[])" \
	"   and (m.revoked_at is not null or (m.key_id = (" shown "::uuid[])[1]"      \
	"    and m.expires_at <= clock_timestamp())))"                                \
	"  and not exists (select from revocation l where l.tenant_id = " whose       \
	"   and l.kind = 'credential' and l.subject = any(" shown "::uuid[])"         \
	"   and l.network = '' and l.ends_at > now())"                                \
	"  and not exists (select from revocation l where l.tenant_id = " whose       \
	"   and l.kind = any(array['user', 'tenant']) and l.network = ''"             \
	"   and l.subject = any(array[" principal "::uuid, " AUDIT_SYSTEM_SQL "])"    \
	"   and date_trunc('milliseconds', l.before_at) > " given "::timestamptz"     \
	"   and (l.ends_at is null or l.ends_at > now())))"

/* In a transaction, before what it writes and before any row of a key. */
void believed_hold(struct db *db);
/* A statement of one truth: the first row's first column. */
void believed_ask(struct db *db, const struct revocation_facts *by);
/* by NULL: nobody is asked for, and is believed. */
void believed_args(struct db_args *a, const struct revocation_facts *by);

#endif
