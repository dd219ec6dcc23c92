/* two_people.h - calls that a second person must approve of, where the tenant asks for it.
 *
 * One table names them: what changes a tenant's roles or users, makes a key of its or one's
 * successor, whom it believes (a new issuer), and its wish for two people itself, which is never
 * changed by one alone. Such a call is not made at first: it is kept as it was asked for
 * (stores/approval.h), and refused with ERR_APPROVAL and the approval's id. Another person approves
 * of it; then who asked makes the same call once more, with the rights that they have by then, and
 * it goes through, once.
 *
 * Two people are two principals and two credentials: a user's keys are one person. A key
 * that acts for no user is nobody's in particular, so a tenant's neither asks nor
 * approves. Operators have such keys only, and each of them knows its person: whoever makes
 * a key or another one's successor has seen it, so it counts as that operator's; a person of
 * its own begins on the database (longhaul bootstrap). A dry run changes nothing and needs
 * nobody. Ending a key and disabling a user, when the call does no more,
 * wait for nobody either.
 *
 * The same call: method, path and body, by their keyed hash; how the JSON is laid out does
 * not count. Calls that go by pages (a role's move) stay approved until the time is over.
 *
 * Threads: the servers', a lane's.  Memory: one struct a call, freed before the handler runs. */
#ifndef ACCESS_TWO_PEOPLE_H
#define ACCESS_TWO_PEOPLE_H

#include "http/request.h"
#include "record/record.h"
#include "stores/approval.h"

/* Who asks, or decides. */
struct approver two_people_approver(const struct caller *caller);
/* Is the caller one person in particular? */
bool two_people_knows(const struct caller *caller);

/* For the server, before the handler: ERR_OK lets it run, anything else is answered. May park. */
enum err two_people_check(struct request *r, bool *ret_parked);

extern const struct record_op two_people_op;

#endif
