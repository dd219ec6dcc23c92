/* access.h - asking about roles and users: a tenant's own, or as an operator any tenant's.
 *
 * Threads: one.  Memory: *ret_json belongs to the caller. */
#ifndef CLI_ACCESS_H
#define CLI_ACCESS_H

#include "client.h"
#include "listing.h"

/* before + name + after is the path behind /v1 or, with --tenant, behind that tenant's part of the
 * operators' API; name is escaped. query: appended as it is, or NULL. body may be NULL and is
 * taken. ret_json may be NULL. */
struct access_ask {
	const char *method;
	const char *before, *name, *after;
	const char *query;
	json_t *body;
};
enum outcome access_ask(const struct call *call, const struct access_ask *ask, json_t **ret_json);
enum client_side access_side(const struct call *call);
/* Prints a list; path is that behind /v1, as in access_ask. */
enum outcome access_list_run(struct call *call, const char *path, const struct column *columns);
/* The arguments from the first on as an array of texts. */
json_t *access_words(const struct call *call, size_t first);
/* The words of a list with commas between. */
json_t *access_list(const char *words);

#endif
