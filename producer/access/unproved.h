/* unproved.h - who shows a token of another issuer that nobody here can prove waits for the no.
 *
 * Whether an issuer is registered with us, whether it has such a key, and how long its
 * keys take to come is nobody's business who holds no token of it. So whoever a token names,
 * one that is not proved is refused in the same words at the same distance from when
 * it came, identity.refuse_ms; what was done meanwhile, the check of a signature or a fetch of
 * keys (issuer_keys.h), lies within. When keys that somebody waits for come in that time the token
 * is checked once more, and a good one goes on at once.
 *
 * Threads: any wait; the producer's loop tells. One lock.  Memory: a small block for each that
 * waits, and no more of them than connections. */
#ifndef ACCESS_UNPROVED_H
#define ACCESS_UNPROVED_H

#include "http/request.h"

struct unproved;

MUST_CHECK enum err unproved_new(struct producer *producer, struct unproved **ret_unproved);
/* NULL is fine. After the loop has ended and all requests have: nobody is told. */
void unproved_free(struct unproved *u);

/* Before a token is checked: its time begins, once for a request. True: it is over, and the token
 * is to be refused without another look. */
bool unproved_begin(struct unproved *u, struct request *r);
/* It is not proved: told is called on the loop's thread when the time is over, or before that when
 * keys of issuer (zero: there are none to come) were fetched. park: r is parked here, else it was
 * before. False: it is to be refused now. */
bool unproved_wait(struct unproved *u, struct request *r, struct id issuer, bool park,
	void (*told)(struct request *r));
/* Keys of this issuer came, or failed to. The loop's thread. */
void unproved_again(struct unproved *u, struct id issuer);

#endif
