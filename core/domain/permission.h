/* permission.h - what may be permitted: `resource:action`, in one table.
 *
 * A rule (rule.h) names one of these, or a whole resource (`job:*`), or all that a
 * tenant may grant (`*:*`). What only the installation's own keys may do is a
 * permission too, of the resource `operator`: no tenant's role can hold it, and `*:*`
 * does not cover it.
 *
 * A permission is a bit of a permission_set, so that a decision without conditions is
 * one test.
 *
 * The last of a row says what it lets one do, for who reads the table.
 *
 * Threads: pure.  Memory: static. */
#ifndef DOMAIN_PERMISSION_H
#define DOMAIN_PERMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* clang-format off */
#define PERMISSION_TABLE(X)                                                                     \
	X(JOB_SUBMIT,        "job:submit",        "hand in jobs")                               \
	X(JOB_READ,          "job:read",          "see jobs, their events, inputs and results") \
	X(JOB_CHANGE,        "job:change",        "change what waits: priority, time, queue")   \
	X(JOB_CANCEL,        "job:cancel",        "cancel jobs")                                \
	X(JOB_RETRY,         "job:retry",         "run ended jobs again")                       \
	X(JOB_DELETE,        "job:delete",        "delete jobs and their data")                 \
	X(CALLBACK_USE,      "callback:use",      "have a job's end told to an address")        \
	X(SUBJECT_ANY,       "subject:any",       "name another person as a job's subject")     \
	X(USAGE_READ,        "usage:read",        "see what the tenant has used")               \
	X(ROLE_READ,         "role:read",         "see roles, and why something is allowed")    \
	X(ROLE_WRITE,        "role:write",        "make, change and remove roles")              \
	X(USER_READ,         "user:read",         "see users and their roles")                  \
	X(USER_WRITE,        "user:write",        "make and disable users, give them roles")    \
	X(APPROVAL_GIVE,     "approval:give",     "see, approve of and refuse what others ask")  \
	X(KEY_READ,          "key:read",          "see the tenant's API keys, without secrets") \
	X(KEY_WRITE,         "key:write",         "make, rotate and end the tenant's API keys") \
	X(REVOCATION_READ,   "revocation:read",   "see what is revoked in the tenant")          \
	X(REVOCATION_WRITE,  "revocation:write",  "refuse what was given before, in the tenant") \
	X(ISSUER_READ,       "issuer:read",       "see whose tokens the tenant believes")       \
	X(ISSUER_WRITE,      "issuer:write",      "believe another issuer, or no longer")       \
	X(OPERATOR_READ,     "operator:read",     "see queues, workers, upstreams, metrics")    \
	X(OPERATOR_QUEUE,    "operator:queue",    "change, pause, resume and drain queues")     \
	X(OPERATOR_WORKER,   "operator:worker",   "drain workers")                              \
	X(OPERATOR_UPSTREAM, "operator:upstream", "set breakers by hand")                       \
	X(OPERATOR_TENANT,   "operator:tenant",   "make tenants, set what they may have")       \
	X(OPERATOR_JOB,      "operator:job",      "cancel and retry jobs of any tenant")        \
	X(OPERATOR_KEY,      "operator:key",      "make, see, revoke API keys; signing secrets") \
	X(OPERATOR_ACCESS,   "operator:access",   "any tenant's users, roles, approvals, issuers, revocations")
/* clang-format on */

#define PERMISSION_NAME(name, text, what) PERMISSION_##name,
enum permission { PERMISSION_TABLE(PERMISSION_NAME) PERMISSIONS };
#undef PERMISSION_NAME

typedef uint64_t permission_set;

/* The longest text, with its NUL. */
enum { PERMISSION_TEXT_MAX = 32 };

/* "job:read" */
const char *permission_text(enum permission p);
static inline permission_set permission_bit(enum permission p)
{
	return (permission_set)1 << p;
}
/* Those that a text names: one, `resource:*` or `*:*`. 0: it names none. */
permission_set permission_named(const char *text);
/* The same of one word of a scope: `*:*` is none, it would leave room for nothing. */
permission_set permission_scope(const char *word);
/* Is it the installation's alone? */
bool permission_is_operators(enum permission p);
/* All of the installation's. */
permission_set permission_operators(void);

#endif
