/* believed.h - is whoever writes believed by the record itself?
 *
 * A producer hears of a revocation up to a second after it, and remembers a key for 5 s. Who was
 * shut out would use that time to give himself what outlives it: another key, dated after his
 * revocation, a user, a role, an issuer, a setting. So what makes these asks here, in its own
 * transaction: for the rows of the keys that were shown, for the list's entries of what was shown,
 * its user and its tenant, and whether that user is disabled. Networks are not asked for.
 *
 * Every revocation moves the access sequence, and believed_ask keeps that where it is: what has
 * been revoked is seen behind it, and what is revoked next is dated behind the commit of whoever
 * holds it. So all that follows in the transaction may go by one answer, and does by BELIEVED: a
 * statement that has it, in a transaction that has not asked, writes nothing.
 *
 * For core/stores only. */
#ifndef STORES_BELIEVED_H
#define STORES_BELIEVED_H

#include "identity/revocation.h"
#include "stores/audit.h"
#include "stores/store_call.h"

/* In a statement behind believed_ask: a condition of what it writes. */
#define BELIEVED " current_setting('app.believed', true) = 'yes'"

/* Adds its BELIEVED_REPLIES statements to the transaction, before what that writes and before any
 * row of a key or of a setting. by->shown NULL: nobody is asked for, and is believed. */
enum { BELIEVED_REPLIES = 2 };
void believed_ask(struct db *db, const struct audit_actor *by);
/* e, or what those say that are replies at and following: ERR_UNAUTHORIZED. */
enum err believed_told(enum err e, const struct db_reply *reply, size_t at);

/* store_call_run whose statement is written for who is believed: its reply is believed_rows. */
MUST_CHECK enum err believed_run(const struct store_call_ask *ask, const struct audit_actor *by);
/* *ret_rows NULL with an error: e, or ERR_UNAUTHORIZED. */
enum err believed_rows(enum err e, const struct db_reply *reply, const struct db_rows **ret_rows);

#endif
