/* issuers.h - whose tokens are believed: said by operators, and for their tenant by its own people,
 * who have an issuer give no more than they may do themselves.
 *
 * A dry run of a removal counts the families of refresh tokens that hang on it: how many people an
 * issuer vouches for, only it knows.
 *
 * Threads: the servers', lanes.  Memory: the requests'. */
#ifndef ADMIN_ISSUERS_H
#define ADMIN_ISSUERS_H

#include "http/request.h"
#include "record/record.h"

void issuers_post(struct request *r);
void issuers_get(struct request *r);
void issuers_delete(struct request *r);

extern const struct record_op issuer_roles_op, issuer_own_op, issuer_insert_op, issuer_list_op,
	issuer_get_op, issuer_remove_op;

#endif
