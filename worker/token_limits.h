/* token_limits.h - who may use how many tokens in how long, as the record has it.
 *
 * Limits of tokens stand in plans (domain/limit_book.h), for a tenant's users, its roles, itself
 * and, in the plan `default`, for all. They are read every TOKEN_LIMITS_LOOK_MS, and who has which
 * plan only while there are any, so an installation without them pays one small statement. While
 * the record is away the last ones stay in force. Before they were read once nobody knows what a
 * tenant may use, and jobs wait.
 *
 * Threads: the loop's.  Memory: every plan that speaks of tokens, and while there is one a small
 * entry for each tenant that ever had a plan. */
#ifndef WORKER_TOKEN_LIMITS_H
#define WORKER_TOKEN_LIMITS_H

#include "ground/err.h"
#include "upstreams/permit.h"

enum { TOKEN_LIMITS_LOOK_MS = 1000 };

struct token_limits;
struct worker;

/* Begins to read them.   ERR_NOMEM, ERR_SYSTEM */
MUST_CHECK enum err token_limits_new(struct worker *worker, struct token_limits **ret_limits);
/* After the connections are closed. NULL is fine. */
void token_limits_free(struct token_limits *t);

/* A permit_limit_fn: the owner is a struct token_limits. */
struct permit_limit token_limits_find(void *owner, const struct permit_payer *payer);

#endif
