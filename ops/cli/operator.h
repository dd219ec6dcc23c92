/* operator.h - one operator's call whose reply is one object; of some, a tenant's own people make
 * it too.
 *
 * Threads: one.  Memory: *ret_json belongs to the caller. */
#ifndef CLI_OPERATOR_H
#define CLI_OPERATOR_H

#include "client.h"

/* Who asks: an operator or, with --own, the tenant of the profile's own key. */
enum outcome operator_side(const struct call *call, enum client_side *ret_side);

/* Opens a client with the key of that side, asks, closes. before + name + after is the path; name
 * is escaped, "" for none. body may be NULL and is taken. ret_json may be NULL. */
struct operator_call {
	const char *method;
	const char *before, *name, *after;
	const char *query; /* appended as it is, or NULL */
	json_t *body;
	int64_t patience_ms; /* as a question's */
};
enum outcome operator_ask(
	const struct call *call, const struct operator_call *ask, json_t **ret_json);

/* The same with a client that is open, which may have another key. body is the caller's. */
enum outcome operator_ask_with(
	struct client *client, const struct operator_call *ask, json_t **ret_json);

/* As operator_ask, and then prints the object with --json, or sentence with name put in for its %s.
 */
enum outcome operator_tell(const struct call *call, const struct operator_call *ask,
	const char *before_name, const char *after_name);

#endif
